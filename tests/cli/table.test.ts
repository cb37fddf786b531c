/** `langevin table`, run as a command: from a table as it is to a model, and back to tables. */
import { spawnSync } from 'node:child_process'
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { data, Energy } from '../../src/index.js'
import { main, start, temporaryFolder } from '../helpers/cli.js'
import { uniforms } from '../helpers/random.js'

const folder = temporaryFolder('cli-table')
const table = (...args: string[]) => start(folder, ['table', ...args]).outcome
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(';'))

// Cooks earn about 20, smiths about 40 and are the only ones in the north; the month says nothing.
const next = uniforms(4)
const HEAD = 'pay;"job; now";north;month'
const person = () => {
  const smith = next() < 0.5
  const pay = Math.round((smith ? 40 : 20) + 6 * (next() - 0.5))
  return [pay, smith ? 'smith' : 'cook', smith && next() < 0.8 ? 'yes' : 'no', Math.floor(12 * next()) + 1].join(';')
}
const FIT = [
  '--columns',
  'month:cyclic(12)',
  '--hidden',
  '48,48',
  '--batch-size',
  '128',
  '--steps',
  '800',
  '--missing',
  'mean,mode',
]

beforeAll(async () => {
  write('people.csv', `\ufeff${HEAD}\n${Array.from({ length: 800 }, person).join('\n')}\n`)
  const { status, stderr, stdout } = await table(
    'fit',
    'people.csv',
    '--out',
    'made/people.safetensors',
    ...FIT,
    '--json',
  )
  expect(status, stderr).toBe(0)
  expect(stderr).toContain("column 'pay' is numeric (quantile): numbers")
  expect(stderr).toContain("column 'job; now' is binary ('cook', 'smith'): two different texts")
  expect(stderr).toContain("column 'month' is cyclic(12): as it was said")
  expect(JSON.parse(stdout)).toMatchObject({ rows: 800, out: 'made/people.safetensors' })
}, 120_000)

const MODEL = 'made/people.safetensors'

describe('langevin table', () => {
  it('score: odd rows have the highest energies and the cell to blame; columns by name', async () => {
    write('new.csv', 'month;north;"job; now";pay\n3;no;cook;20\n7;yes;cook;40\n11;yes;smith;41\n')
    const { status, stdout, stderr } = await table('score', MODEL, 'new.csv', '--contributions')
    expect(status, stderr).toBe(0)
    const [head, ...rows] = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(','))
    expect(head).toEqual(['row', 'energy', 'percentile', 'pay', 'job; now', 'north', 'month'])
    const numbers = rows.map((row) => row.map(Number))
    expect(numbers.map(([row]) => row)).toEqual([1, 2, 3])
    // The second row is a cook who earns as a smith does, in the north.
    expect(numbers[1]![1]).toBeGreaterThan(Math.max(numbers[0]![1]!, numbers[2]![1]!) + 2)
    expect(numbers[1]![2]).toBeGreaterThan(95)
    const [, , , pay, job, , month] = numbers[1]!
    expect(job).toBeGreaterThan(Math.abs(month!))
    expect(pay! + job!).toBeGreaterThan(1)
    await using energy = await Energy.load(join(folder, MODEL))
    const own = (await energy.energy(await data.csv(join(folder, 'new.csv')))).toArray() as number[]
    for (const [i, e] of own.entries())
      expect(Math.abs(numbers[i]![1]! - e)).toBeLessThan(1e-5 * Math.max(1, Math.abs(e)))
  })

  it('sample: rows of the same form, with the laws of the table', async () => {
    const { status, stdout, stderr } = await table('sample', MODEL, '--rows', '1500', '--seed', '5')
    expect(status, stderr).toBe(0)
    const [head, ...rows] = stdout.trim().split('\n')
    expect(head).toBe(HEAD)
    expect(rows).toHaveLength(1500)
    const cells = rows.map((row) => row.split(';'))
    for (const [pay, job, north, month] of cells) {
      expect(pay).toMatch(/^\d+$/)
      expect(['cook', 'smith']).toContain(job)
      expect(['yes', 'no']).toContain(north)
      expect(Number(month)).toBeLessThanOrEqual(12)
    }
    const smiths = cells.filter(([, job]) => job === 'smith')
    // A learned law, not an exact one: within .1 of one half, where an untrained one may be anywhere.
    expect(Math.abs(smiths.length / 1500 - 0.5)).toBeLessThan(0.1)
    const share = (of: string[][], held: (row: string[]) => boolean) => of.filter(held).length / of.length
    expect(share(smiths, ([pay]) => Number(pay) > 30)).toBeGreaterThan(0.9)
    const cooks = cells.filter(([, job]) => job === 'cook')
    expect(share(cooks, ([pay]) => Number(pay) < 30)).toBeGreaterThan(0.9)
    expect(share(cooks, ([, , north]) => north === 'no')).toBeGreaterThan(0.9)
    expect((await table('sample', MODEL, '--rows', '1500', '--seed', '5')).stdout).toBe(stdout)
    // The job and the pay tell each other, so that a chain hardly leaves the half it began in: it is said.
    expect(stderr).toMatch(/warning: R-hat 1\.\d\d: the chains have not mixed/)
  }, 120_000)

  it('complete: gaps are filled from the rest of the row, all else stays', async () => {
    const lines = Array.from({ length: 200 }, (_, i) =>
      i % 2 ? `;smith;yes;${(i % 12) + 1}` : `20;;no;${(i % 12) + 1}`,
    )
    write('gaps.csv', `${HEAD}\n${lines.join('\n')}\n`)
    const { status, stdout, stderr } = await table('complete', MODEL, 'gaps.csv', '--out', 'full.csv')
    expect(status, stderr).toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toContain("column 'pay': 100 cells drawn")
    expect(stderr).toContain("column 'job; now': 100 cells drawn")
    const rows = linesOf(readFileSync(join(folder, 'full.csv'), 'utf8')).slice(1)
    expect(rows.map(([, , north, month]) => `${north};${month}`)).toEqual(
      linesOf(lines.join('\n')).map(([, , n, m]) => `${n};${m}`),
    )
    const pays = rows.filter((_, i) => i % 2).map(([pay]) => Number(pay))
    expect(pays.filter((pay) => pay > 30).length).toBeGreaterThan(90)
    expect(rows.filter(([, job], i) => i % 2 === 0 && job === 'cook').length).toBeGreaterThan(90)
  }, 120_000)

  it('classify: probabilities, with or without the column', async () => {
    write('asked.csv', 'pay;north;month\n20;no;3\n41;yes;5\n')
    const { status, stdout, stderr } = await table('classify', MODEL, 'asked.csv', '--label', 'job; now')
    expect(status, stderr).toBe(0)
    const [head, first, second] = stdout.trim().split('\n')
    expect(head).toBe('row,job; now,p(cook),p(smith)')
    expect(first).toMatch(/^1,cook,/)
    expect(second).toMatch(/^2,smith,/)
    const [, , cook, smith] = first!.split(',')
    expect(Number(cook) + Number(smith)).toBeCloseTo(1, 5)
    const known = await table('classify', MODEL, 'people.csv', '--label', 'job; now', '--out', 'classes.csv', '--json')
    expect(known.status, known.stderr).toBe(0)
    const { accuracy, ece, rows } = JSON.parse(known.stdout)
    expect(rows).toBe(800)
    expect(accuracy).toBeGreaterThan(0.95)
    expect(ece).toBeLessThan(0.1)
    const wrong = await table('classify', MODEL, 'asked.csv', '--label', 'pay')
    expect(wrong.stderr).toContain("'pay' is a column of numbers; columns with levels: job; now, north, month")
  }, 120_000)

  it('classify: a reliability diagram, and logistic regression beside', async () => {
    const how = [
      '--label',
      'job; now',
      '--out',
      'classes.csv',
      '--report',
      'made/job.html',
      '--beside',
      'people.csv',
      '--json',
    ]
    const { status, stdout, stderr } = await table('classify', MODEL, 'people.csv', ...how)
    expect(status, stderr).toBe(0)
    expect(stderr).toMatch(/the energy: accuracy 0\.\d+, AUROC [01]\.\d+, ECE 0\.\d+ \(15 bins\)/)
    expect(stderr).toContain('logistic regression: accuracy')
    const { auroc, logistic } = JSON.parse(stdout)
    // Pay alone tells cooks from smiths.
    expect(auroc).toBeGreaterThan(0.98)
    expect(logistic.auroc).toBeGreaterThan(0.98)
    const page = readFileSync(join(folder, 'made/job.html'), 'utf8')
    expect(page).toContain('Reliability')
    expect(page.match(/<circle/g)!.length).toBeGreaterThan(4)
    const none = await table('classify', MODEL, 'asked.csv', '--label', 'job; now', '--report', 'made/none.html')
    expect(none.status).toBe(1)
    expect(none.stderr).toContain("--report: no row of asked.csv has a known 'job; now'")
  }, 120_000)

  it('compare: a page and JSON, with a model or without', async () => {
    const drawn = await table('sample', MODEL, '--rows', '400', '--seed', '6', '--out', 'drawn.csv')
    expect(drawn.status, drawn.stderr).toBe(0)
    write('held.csv', `${HEAD}\n${Array.from({ length: 300 }, person).join('\n')}\n`)
    const how = ['--held-out', 'held.csv', '--label', 'job; now', '--judge', 'logistic']
    const { status, stdout, stderr } = await table(
      'compare',
      'people.csv',
      'drawn.csv',
      ...how,
      '--out',
      'report',
      '--json',
    )
    expect(status, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found.rows).toEqual({ real: 800, synthetic: 400, heldOut: 300 })
    expect(found.similarity.columns.map(({ metric }: { metric: string }) => metric)).toEqual([
      'KSComplement',
      'TVComplement',
      'TVComplement',
      'KSComplement',
    ])
    expect(found.similarity.shapes).toBeGreaterThan(0.8)
    expect(found.control.shapes).toBeGreaterThan(0.9)
    const fromSynthetic = found.judgement.verdicts.find(
      (each: { learnedFrom: string }) => each.learnedFrom === 'synthetic',
    )
    expect(fromSynthetic.auroc).toBeGreaterThan(0.95)
    const page = readFileSync(join(folder, 'report/table-compare.html'), 'utf8')
    for (const name of ['pay', 'job; now', 'north', 'month']) expect(page).toContain(`<title>${name}</title>`)
    expect(JSON.parse(readFileSync(join(folder, 'report/table-compare.json'), 'utf8'))).toEqual(found)
    const withModel = await table('compare', 'people.csv', 'drawn.csv', '--model', MODEL)
    expect(withModel.status, withModel.stderr).toBe(0)
    expect(withModel.stdout).toMatch(/columns alike \(1 = the same\) +0\.\d+/)
    expect(withModel.stdout).toContain('mean energy less that of real rows')
    expect(withModel.stderr).toContain('--label COLUMN')
  }, 120_000)

  it.each<[string, string, string[], string]>([
    [
      'another column',
      'pay;north;month;id\n20;no;3;1\n',
      [],
      "other.csv: the columns do not fit the real table: 'job; now' is missing",
    ],
    ['no such label', `${HEAD}\n20;cook;no;3\n`, ['--label', 'jobs'], "label: there is no column 'jobs'"],
    ['a judge without a label', `${HEAD}\n20;cook;no;3\n`, ['--judge', 'logistic'], '--judge: say which column'],
    [
      'too few rows',
      `${HEAD}\n20;cook;no;3\n`,
      ['--label', 'north', '--judge', 'logistic'],
      "of the synthetic rows 1 have a 'north'",
    ],
  ])('compare refuses: %s', async (_, text, options, words) => {
    write('other.csv', text)
    const { status, stderr } = await table('compare', 'people.csv', 'other.csv', ...options)
    expect(status).toBe(1)
    expect(stderr).toContain('ERR_LANGEVIN_INVALID_OPTION')
    expect(stderr).toContain(words)
  })

  it.each<[string, string, string[], string]>([
    ['a column is missing', 'pay;north;month\n20;no;3\n', [], "'job; now' is missing"],
    [
      'one more column',
      `${HEAD};id\n20;cook;no;3;7\n`,
      [],
      "the model does not know 'id'; leave out what is not for it: --ignore id",
    ],
    [
      'an unseen level',
      `${HEAD}\n20;cook;no;3\n20;pilot;no;3\n`,
      [],
      "column 'job; now', row 2: 'pilot' is not a level",
    ],
    [
      'a missing cell where none was',
      `${HEAD}\n20;cook;;3\n`,
      ['--missing', 'error'],
      "column 'north', row 1: the cell is missing",
    ],
    ['a number out of range', `${HEAD}\n95;cook;no;3\n`, [], "column 'pay', row 1: 95 is outside of"],
    [
      'a text among numbers',
      `${HEAD}\n20;cook;no;3\nmuch;cook;no;3\n`,
      [],
      "row 2 (line 3), column 'pay': 'much' is not a number",
    ],
    ['an empty file', '', [], 'the file is empty'],
    ['a header alone', `${HEAD}\n`, [], 'a header and no rows'],
  ])('score refuses: %s', async (_, text, options, words) => {
    write('bad.csv', text)
    const { status, stderr } = await table('score', MODEL, 'bad.csv', '--out', 'none.csv', ...options)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^ERR_LANGEVIN_/)
    expect(stderr).toContain(words)
  })

  it('score follows policies, and says how often', async () => {
    write('odd.csv', `${HEAD};id\n95;cook;no;3;1\n20;pilot;?;3;2\n`)
    const how = ['--ignore', 'id', '--range', 'clamp', '--unseen', 'mode', '--missing', 'mode']
    const { status, stdout, stderr } = await table('score', MODEL, 'odd.csv', ...how)
    expect(status, stderr).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(stderr).toMatch(/column 'pay': 1 numbers outside of \d+ to \d+ \(range: clamp\)/)
    expect(stderr).toContain("column 'job; now': 1 cells with levels that training did not see (unseen: mode)")
    expect(stderr).toContain("column 'north': 1 missing cells (missing: mode)")
  })

  it.each<[string, string, string[], string]>([
    ['one level', 'a,b\n1,x\n2,x\n', [], "column 'b' has one level ('x')"],
    ['all cells of a column missing', 'a,b\n1,\n2,\n', ['--header', 'yes'], "column 'b': every cell is missing"],
    ['every cell missing', 'a,b\n?,\n?,\n', ['--header', 'yes'], 'every cell is missing'],
    ['missing cells without a policy', 'a,b\n1,x\n,y\n', [], "column 'a', row 2: the cell is missing"],
    ['a column that is not there', 'a,b\n1,x\n2,y\n', ['--columns', 'c:ordinal'], "'c'"],
    ['an empty file', '', [], 'the file is empty'],
  ])('fit refuses: %s', async (_, text, options, words) => {
    write('bad.csv', text)
    const { status, stderr } = await table('fit', 'bad.csv', '--out', 'none.safetensors', '--steps', '2', ...options)
    expect(status).toBe(1)
    expect(stderr).toContain('ERR_LANGEVIN_')
    expect(stderr).toContain(words)
  })

  it('fit takes one column, and refuses 10^5 levels', async () => {
    write('one.csv', 'a\n1\n2\n3\n4\n')
    const one = await table('fit', 'one.csv', '--out', 'one.safetensors', '--steps', '5')
    expect(one.status, one.stderr).toBe(0)
    expect((await table('score', 'one.safetensors', 'one.csv')).status).toBe(0)
    write('many.csv', `id,a\n${Array.from({ length: 100_000 }, (_, i) => `m${i},${i % 7}`).join('\n')}\n`)
    const many = await table('fit', 'many.csv', '--out', 'many.safetensors', '--steps', '2')
    expect(many.status).toBe(1)
    expect(many.stderr).toContain("column 'id' has 100000 levels")
  })

  it('keeps the form of the file: decimal commas, no header, the mark of missing cells', async () => {
    const rows = Array.from(
      { length: 40 },
      (_, i) => `${(i % 9) + 0.5};${i % 3 === 0 ? '-' : 'ab'[i % 2]};${'xyz'[i % 3]}`,
    )
    write('comma.csv', `${rows.join('\n').replaceAll('.', ',').replaceAll('-', 'NA')}\n`)
    const how = ['--decimal', ',', '--header', 'no', '--missing', 'own-level']
    const fitted = await table('fit', 'comma.csv', '--out', 'comma.safetensors', '--steps', '50', ...how)
    expect(fitted.status, fitted.stderr).toBe(0)
    const { stdout, stderr, status } = await table('sample', 'comma.safetensors', '--rows', '60', '--rounds', '20')
    expect(status, stderr).toBe(0)
    const drawn = stdout.trim().split('\n')
    expect(drawn).toHaveLength(60)
    for (const line of drawn) expect(line).toMatch(/^\d(,\d)?;(a|b|NA);[xyz]$/)
    expect(drawn.some((line) => line.includes('NA'))).toBe(true)
    write('drawn.csv', stdout)
    const scored = await table('score', 'comma.safetensors', 'drawn.csv')
    expect(scored.status, scored.stderr).toBe(0)
  }, 120_000)

  it('score streams: a file many times the memory it takes', async () => {
    const fill = async (name: string, blocks: number) => {
      const stream = createWriteStream(join(folder, name))
      stream.write(`${HEAD}\n`)
      const block = Array.from(
        { length: 10_000 },
        (_, i) => `20;${i % 2 ? 'cook' : 'smith'};no;${(i % 12) + 1}\n`,
      ).join('')
      for (let k = 0; k < blocks; k++) stream.write(block)
      await new Promise((resolve) => stream.end(resolve))
    }
    await fill('some.csv', 40)
    await fill('many.csv', 400)
    const usage = async (file: string) => {
      const script = `process.argv = [process.argv[0], ${JSON.stringify(main)}, 'table', 'score', ${JSON.stringify(MODEL)}, ${JSON.stringify(file)}, '--out', 'scores.csv']
process.on('exit', () => console.log(process.resourceUsage().maxRSS))
await import(${JSON.stringify(main)})`
      write('measure.mjs', script)
      // A small heap: what V8 has not yet collected says nothing of what is kept.
      const heap = ['--max-semi-space-size=2', '--max-old-space-size=96']
      const { stdout, stderr } = spawnSync(process.execPath, [...heap, 'measure.mjs'], {
        cwd: folder,
        encoding: 'utf8',
      })
      expect(stderr).toContain('rows scored')
      return Number(stdout.trim()) / 1024
    }
    const [some, many] = [await usage('some.csv'), await usage('many.csv')]
    expect(readFileSync(join(folder, 'scores.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(4_000_001)
    // 3.6 million rows more that are kept are 115 MB as numbers of 8 bytes, and as much again encoded.
    expect(many - some).toBeLessThan(80)
  }, 120_000)
})
