/**
 * The quick golden runs against the record in this folder: bit for bit on the processor, instruction set, LibTorch and
 * compiler it was made with, else within a relative 1e-4. On one processor the instruction sets, and plain LibTorch in place
 * of the fused kernels, stay within 2e-5 of each other in these runs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as langevin from '../../src/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
// biome-ignore lint/suspicious/noExplicitAny: the scripts are plain JavaScript
const load = async (name: string): Promise<any> =>
  import(new URL(`../../scripts/golden/${name}.mjs`, import.meta.url).href)
const { compare, difference, lines } = await load('compare')
const { uncovered, watched } = await load('coverage')
const { differences, machine, runRecord, summarize } = await load('record')

interface Stored {
  cases: string
  machine: Record<string, string>
  runs: Record<string, { sha256: string; parts: Record<string, [string, number, number, ...(number | string)[]]> }>
}
const ELSEWHERE = 1e-4

/** The record of this instruction set where there is one, else any. */
const here = await machine(langevin)
const names = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.json'))
const file = names.find((name) => name === `golden-${here.instructionSet}.json`) ?? names[0]!
const path = join(import.meta.dirname, file)
const stored: Stored = JSON.parse(readFileSync(path, 'utf8'))
const apart: string[] = differences(here, stored.machine)
const how = apart.length === 0 ? 'bit for bit' : `within ${ELSEWHERE}, as ${apart.join(' and ')}`

describe('golden runs', () => {
  it(`compute what they computed before, ${how}; every kind has one`, () => {
    expect(existsSync(join(root, 'dist/index.js')), 'dist/ is missing: npm run build:ts').toBe(true)
    const args = ['scripts/golden.mjs', '--quick', '--compare', path, '--elsewhere', String(ELSEWHERE)]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    const told = stdout.split('\n').filter((line) => !line.startsWith('allowed'))
    expect(told.join('\n') + (status === 0 ? '' : stderr)).toMatch(/\d+ runs bit-equal.* 0 changed, 0 missing/)
    expect(status, `${told.join('\n')}\nA number that was meant to change: see the head of scripts/golden.mjs`).toBe(0)
    if (apart.length === 0) expect(told.join('\n')).toContain(`${Object.keys(stored.runs).length} runs bit-equal`)
  }, 120_000)
})

describe('records', () => {
  const rows = () => langevin.tensor([1, 2.5, -3, 1e-7], [2, 2], 'float64')
  const run = (energy: unknown, more: object = {}) => runRecord({ energy, ...more })
  const record = (runs: object) => ({ runs })

  it('tell one bit, a shape, a dtype, and a number that is not finite', () => {
    const hash = (value: unknown) => summarize({ value })[0]
    const values = [1, 2.5, -3, 1e-7]
    const bit = Float64Array.from(values)
    new Uint8Array(bit.buffer)[0]! ^= 1
    const others = [
      langevin.tensor(bit, [2, 2]),
      langevin.tensor(values, [4], 'float64'),
      langevin.tensor(values, [2, 2], 'float32'),
      langevin.tensor([1, 2.5, -3, Number.NaN], [2, 2], 'float64'),
    ]
    expect(hash(rows())).toBe(hash(rows()))
    expect(new Set([rows(), ...others].map(hash)).size).toBe(5)
    expect(hash({ a: 1, b: [2, null] })).toBe(hash({ b: [2, null], a: 1 }))
    expect(hash({ a: 1, b: [2, null] })).not.toBe(hash({ a: 1, b: [2, 0] }))
  })

  it('keep numbers that say how far two results are apart, in the scale of the result', () => {
    const [energy, other] = [
      [100, 1, 2, 3e-9],
      [100, 1, 2.001, 5e-9],
    ].map((values) => summarize(langevin.tensor(values, [4], 'float64')))
    // Beside 100 neither 0.001 nor 2e-9 is more than that share of the root mean square, 50.
    expect(difference(energy, other)).toBeCloseTo(0.001 / 50, 6)
    // Plain numbers have a scale each: the acceptance beside a count of draws.
    expect(difference(summarize([1000, 0.5]), summarize([1000, 0.4]))).toBeCloseTo(0.1, 6)
    expect(difference(summarize([1, 2]), summarize([1, 2, 3]))).toBe(Number.POSITIVE_INFINITY)
    expect(difference(summarize([1, Number.NaN]), summarize([1, 2]))).toBe(Number.POSITIVE_INFINITY)
  })

  it('are compared run by run: what changed, is gone, is new, may differ', () => {
    const then = record({ same: run(1), a: run(1), b: run(2, { loss: 3 }), gone: run(4), more: run(5) })
    const now = record({ same: run(1), a: run(1 + 1e-9), b: run(2), fresh: run(6), more: run(5, { extra: 1 }) })
    const told = (options: object) => {
      const report = compare(now, then, options)
      return Object.fromEntries(
        Object.entries(report).map(([key, list]) => [key, (list as { name: string }[]).map((r) => r.name)]),
      )
    }
    const strict = { equal: ['same'], near: ['more'], changed: ['a', 'b'], missing: ['gone'], fresh: ['fresh'] }
    expect(told({})).toEqual(strict)
    expect(told({ allow: ['a*'], tolerance: 1e-8 })).toEqual({ ...strict, near: ['a', 'more'], changed: ['b'] })
    expect(told({ allow: ['*'], tolerance: 1e-10, complete: false })).toEqual({ ...strict, missing: [] })
    const text = lines(compare(now, then, {}), 0).join('\n')
    expect(text).toMatch(/^CHANGED {2}a: energy differs by 1\.0e-9$/m)
    expect(text).toMatch(/^CHANGED {2}b: loss is gone$/m)
    expect(text).toMatch(/^MISSING {2}gone$/m)
    expect(text).toMatch(/^allowed {2}more: extra is new$/m)
  })

  it('a kind without a run is named with what to add, also one of a family that is new', () => {
    const toy = () => ({ kind: 'toy' })
    const more = { ...langevin, samplers: { ...langevin.samplers, toy }, networks: { toy } }
    const used = new Set<string>()
    const { samplers, data } = watched(more, used)
    samplers.mala({ steps: 1, stepSize: 0.1 })
    data.toys.rings({ n: 1 })
    expect(used).toEqual(new Set(['samplers.mala', 'data.toys.rings']))
    const told: string[] = uncovered(more, used)
    const named = (kind: string) => told.some((line) => line.startsWith(`${kind} has no golden run: add a case`))
    expect(
      ['samplers.toy', 'networks.toy', 'energies.mlp', 'metrics.mmd', 'partition.ais'].filter((kind) => !named(kind)),
    ).toEqual([])
    expect(named('samplers.mala')).toBe(false)
  })

  it('of this folder hold the numbers of runs that learned and drew something', () => {
    expect(stored.cases).toBe('quick')
    const of = (name: string, part: string) => stored.runs[name]!.parts[part]!
    expect(Object.keys(stored.runs).length).toBeGreaterThan(200)
    for (const dtype of ['float32', 'float64']) {
      const [, count, norm] = of(`samplers/hmc ${dtype}`, 'samples')
      expect([count, norm > 1]).toEqual([600, true])
      const losses = of(`objectives/noiseContrastive gaussian, a run ${dtype}`, 'history.loss')
      expect(losses[1]).toBe(12)
      expect(Number(losses.at(-1))).toBeLessThan(Number(losses[3]))
    }
  })
})
