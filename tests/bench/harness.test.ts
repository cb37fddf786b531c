/** The benchmark harness: statistics, counted operations, trials, tables and charts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
// biome-ignore lint/suspicious/noExplicitAny: the harness is plain JavaScript
const load = async (name: string): Promise<any> => import(new URL(`scripts/bench/lib/${name}.mjs`, root).href)
const statistics = await load('statistics')
const flop = await load('flop')
const table = await load('table')
const chart = await load('chart')
const { compare, compareText } = await load('compare')
const { problems } = await load('schema')
const { optionsOf } = await load('measure')
const { foreignCores } = await load('machine')
const { pinned } = await load('child')

const trial = (value: number) => ({ value, load: [0, 0], foreign: 0 })
function contender(name: string, values: number[], ours: number[]) {
  const ratio = statistics.median(values) / statistics.median(ours)
  return { name, ...statistics.summary(values), ratio, disturbed: 0, trials: values.map(trial) }
}

/** A whole report with two rows of one case; `jax` is what the peer took. */
function report(jax = [60, 64, 62], threads = 1) {
  const ours = [50, 51, 49]
  const row = (label: string, at: number) => ({
    label,
    threads,
    options: {},
    flop: 8.585e6,
    chart: { chains: at },
    contenders: [
      {
        ...contender('langevin', ours, ours),
        gflops: 171.7,
        shareOfPeak: 0.73,
        also: { callMicroseconds: 30, executor: 'fused' },
      },
      contender('JAX jit', jax, ours),
    ],
  })
  return {
    bench: 'langevin',
    schema: 1,
    date: '2026-01-31',
    commit: 'a'.repeat(40),
    command: 'npm run bench -- --case langevin-step',
    machine: { cpu: 'some CPU', cores: 2, memoryGiB: 8, flags: ['avx2'] },
    versions: { node: 'v20', libtorch: '2.13.0' },
    load: { before: [0, 0, 0], after: [1, 1, 1] },
    repeats: 3,
    scale: 1,
    peaks: [{ isa: 'avx2', threads, float32: 236, bfloat16: null, triad: 20 }],
    cases: [
      {
        name: 'langevin-step',
        title: 'A step',
        unit: 'us',
        secondsPerUnit: 1e-6,
        repeats: 3,
        rows: [row('small', 100), row('large', 10_000)],
      },
    ],
  }
}

describe('statistics of trials', () => {
  it('takes the middle, or the mean of the two in the middle, and leaves its argument alone', () => {
    const values = [3, 10, 1]
    expect(statistics.median(values)).toBe(3)
    expect(values).toEqual([3, 10, 1])
    expect(statistics.median([4, 1, 2, 10])).toBe(3)
    expect(statistics.summary([3, 10, 1])).toEqual({ median: 3, lowest: 1, highest: 10 })
    expect(() => statistics.median([])).toThrow(RangeError)
  })

  it('averages ratios geometrically: 2x and 0.5x are even', () => {
    expect(statistics.geometricMean([2, 0.5])).toBeCloseTo(1, 12)
  })
})

describe('counted operations', () => {
  it('are 2 in out a layer and row, twice for a Langevin step', () => {
    // 2-128-128-1: 2 (256 + 16384 + 128) = 33,536 a row.
    expect(flop.forwardFlop([2, 128, 128, 1])).toBe(33_536)
    expect(flop.langevinFlop([2, 128, 128, 1], 128)).toBe(8_585_216)
  })

  it('of a training step add forward, weight gradients and hidden input gradients of both phases', () => {
    const [batch, k] = [10, 3]
    const phase = 33_536 + 33_536 + 2 * (128 * 128 + 128)
    expect(flop.contrastiveFlop([2, 128, 128, 1], batch, k)).toBe(k * 2 * 33_536 * batch + 2 * batch * phase)
  })

  it('are held against the peak of their precision', () => {
    const peak = { float32: 200, bfloat16: 400 }
    expect(flop.shareOfPeak({ gflops: 100 }, peak)).toBe(0.5)
    expect(flop.shareOfPeak({ gflops: 100, precision: 'bfloat16' }, peak)).toBe(0.25)
    expect(flop.shareOfPeak({ gflops: 100, precision: 'bfloat16' }, { float32: 200, bfloat16: null })).toBeUndefined()
  })
})

describe('a trial', () => {
  it('gets the options of row and contender, and its steps scaled', () => {
    const row = { options: { chains: 8, steps: 1000 } }
    expect(optionsOf(row, { steps: 0.5, options: { compile: true } }, 2, 0.1)).toEqual({
      chains: 8,
      compile: true,
      threads: 2,
      steps: 50,
    })
    expect(optionsOf(row, {}, undefined, 1e-9)).toEqual({ chains: 8, steps: 2 })
  })

  it('is pinned to as many cores as it has threads', () => {
    const [program, ...rest] = pinned(['node', 'a.mjs'], 2, [4, 5, 6])
    if (program === 'taskset') expect(rest).toEqual(['-c', '4,5', 'node', 'a.mjs'])
    else expect([program, ...rest]).toEqual(['node', 'a.mjs'])
    expect(pinned(['node'], undefined, [0, 1])).toEqual(['node'])
  })

  it('knows how many cores worked for others', () => {
    expect(foreignCores({ busy: 10, wall: 5 }, { busy: 13, wall: 7 }, 2)).toBe(0.5)
    expect(foreignCores({ busy: 10, wall: 5 }, { busy: 11, wall: 7 }, 2)).toBe(0)
  })
})

describe('--compare', () => {
  it('compares ratios, so that a machine twice as fast changes nothing', () => {
    const faster = structuredClone(report())
    for (const c of faster.cases[0]!.rows.flatMap(({ contenders }) => contenders)) {
      for (const key of ['median', 'lowest', 'highest'] as const) c[key] /= 2
    }
    for (const line of compare(report(), faster)) {
      expect(line.change).toBeCloseTo(1, 12)
      expect(line.beyond).toBe(false)
    }
  })

  it('tells a loss beyond the spread from noise', () => {
    const [lost] = compare(report(), report([40, 41, 42]))
    expect(lost).toMatchObject({ peer: 'JAX jit', beyond: true })
    expect(lost.change).toBeCloseTo(41 / 62, 12)
    const [noise] = compare(report(), report([60, 61, 62]))
    expect(noise.beyond).toBe(false)
    expect(compareText(report(), { ...report(), cases: [] })).toMatch(/no row and peer in common/)
  })
})

describe('--table', () => {
  const text = table.caseTable(report(), report().cases[0])

  it('gives median, spread, ratio, floor and share', () => {
    expect(text).toContain('### A step (`langevin-step`, us)')
    // 8.585 MFLOP at 236 GFLOP/s are 36.4 us.
    expect(text).toContain('| small | 1 | 36.4 | 73 | 50 [49, 51] | 62 [60, 64], 1.24x | 30 |')
    expect(text).toContain('JAX jit 1.24x (2 rows)')
  })

  it('replaces what stands between the marks, and only that', () => {
    const page = `above\n${table.MARKS[0]}\nold\n${table.MARKS[1]}\nbelow\n`
    const once = table.renewed(page, [{ file: 'a.json', report: report() }])
    expect(once.startsWith('above\n')).toBe(true)
    expect(once.endsWith('\nbelow\n')).toBe(true)
    expect(once).not.toContain('\nold\n')
    expect(table.sources(once)).toEqual(['a.json'])
    expect(table.renewed(once, [{ file: 'a.json', report: report() }])).toBe(once)
    expect(() => table.renewed('no marks', [])).toThrow(/marks/)
  })

  it('shows no digits that were not measured', () => {
    expect([0, 0.123456, 9.8765, 98.765, 5019.7].map(table.figure)).toEqual(['0', '0.123', '9.88', '98.8', '5,020'])
  })
})

describe('charts', () => {
  it('have logarithmic axes in decades and labels that do not overlap', () => {
    expect(chart.decades(3, 2500)).toEqual([1, 10, 100, 1000, 10_000])
    const scale = chart.logScale(1, 100, 0, 10)
    expect([1, 10, 100].map(scale)).toEqual([0, 5, 10].map((v) => expect.closeTo(v, 9)))
    expect(chart.spread([{ y: 20 }, { y: 10 }, { y: 12 }]).map(({ y }: { y: number }) => y)).toEqual([10, 25, 40])
  })

  it('show every contender and the floor', () => {
    const [[path, svg]] = chart.charts(report())
    expect(path).toBe('docs/images/bench-chains.svg')
    for (const name of ['langevin', 'JAX jit', 'FMA floor']) expect(svg).toContain(`>${name}</text>`)
    expect(svg.match(/<path /g)).toHaveLength(3)
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  })
})

describe('a result file', () => {
  it('is checked', () => {
    expect(problems(report())).toEqual([])
    expect(problems({ ...report(), commit: 'main' })).toEqual(['commit'])
    const short = report()
    short.cases[0]!.rows[0]!.contenders[0]!.trials.pop()
    expect(problems(short)).toEqual(['langevin-step: small: langevin: one trial a repeat'])
  })

  const folder = new URL('scripts/bench/results/', root)
  const files = readdirSync(folder).filter((name) => name.startsWith('bench-') && name.endsWith('.json'))
  const read = (file: string) => JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  it('that is committed holds what it must', () => {
    for (const file of files) expect([file, ...problems(read(file))]).toEqual([file])
  })

  it('is what docs/performance.md says (npm run bench -- --table FILE)', () => {
    const page = readFileSync(new URL(table.PAGE, root), 'utf8')
    const sources: string[] = table.sources(page)
    if (sources.length === 0) return
    for (const [path, content] of table.documents(sources.map((file) => ({ file, report: read(file) })))) {
      expect(existsSync(new URL(path, root)), path).toBe(true)
      expect(readFileSync(new URL(path, root), 'utf8'), path).toBe(content)
    }
  })
})

describe('cases', () => {
  it('have a name, a unit, rows with labels of their own, and contenders whose scripts exist', async () => {
    const { peerNames } = await load('peers')
    const folder = new URL('scripts/bench/cases/', root)
    for (const file of readdirSync(folder)) {
      const each = await import(new URL(file, folder).href)
      expect(`${each.name}.mjs`).toBe(file)
      expect(each.title && each.unit, file).toBeTruthy()
      const labels = each.rows.map(({ label }: { label: string }) => label)
      expect(new Set(labels).size, file).toBe(labels.length)
      for (const { name, peer, script } of each.contenders) {
        expect(peerNames, `${file}: ${name}`).toContain(peer)
        expect(existsSync(new URL(`scripts/bench/${script}`, root)), `${file}: ${script}`).toBe(true)
      }
    }
  })

  it('train objectives that exist', async () => {
    const { objectives } = await import('../../src/objectives/index.js')
    const bench = await import(new URL('scripts/bench/cases/objectives.mjs', root).href)
    for (const { options } of bench.rows) expect(Object.keys(objectives)).toContain(options.objective.kind)
  })
})
