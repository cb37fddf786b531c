/** `npm run reliability -- --quick`: every part runs and its figures are what the documentation says they are. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../helpers/cli.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const exec = promisify(execFile)
// biome-ignore lint/suspicious/noExplicitAny: the command is plain JavaScript
const load = async (path: string): Promise<any> =>
  import(new URL(`../../scripts/reliability/${path}`, import.meta.url).href)
const { PARTS } = await load('lib/run-part.mjs')
const { counts, Figures, judged, table } = await load('lib/figures.mjs')
const { mutated, mutatedJson } = await load('fuzz/mutate.mjs')
const { randomFrom } = await load('lib/child.mjs')

vi.setConfig({ testTimeout: 280_000 })

interface Figure {
  name: string
  state: string
  note?: string
}

async function reliability(...args: string[]): Promise<{
  code: number
  report: { parts: { part: string; figures: Figure[]; problem?: string }[] } & Record<string, unknown>
}> {
  const out = join(temporaryFolder('reliability'), 'report.json')
  const script = join(root, 'scripts/reliability.mjs')
  const env = { ...process.env, LANGEVIN_FUZZ_SECONDS: '1' }
  const code = await exec(process.execPath, [script, '--quick', '--out', out, ...args], {
    env,
    maxBuffer: 2 ** 24,
  }).then(
    () => 0,
    (error) => error.code as number,
  )
  return { code, report: JSON.parse(readFileSync(out, 'utf8')) }
}

describe('the command', () => {
  test('runs a part in a process of its own and writes what it found, on what and beside what', async () => {
    const { code, report } = await reliability('--only', 'determinism')
    expect(report).toMatchObject({ report: 'reliability', quick: true })
    for (const key of ['date', 'commit', 'command', 'machine', 'versions', 'load']) expect(report).toHaveProperty(key)
    const [part, ...others] = report.parts
    expect([part?.part, others]).toEqual(['determinism', []])
    expect(part?.figures.map(({ state }) => state)).toEqual(Array(5).fill('pass'))
    expect(code).toBe(0)
  })

  test('finds the exits and workers in order', async () => {
    const { code, report } = await reliability('--only', 'workers')
    expect(report.parts[0]?.figures.filter(({ state }) => state !== 'pass')).toEqual([])
    expect(code).toBe(0)
  })

  test('refuses a part that it does not have', async () => {
    const script = join(root, 'scripts/reliability.mjs')
    await expect(exec(process.execPath, [script, '--only', 'nothing'])).rejects.toThrow(
      /unknown part "nothing": use workers/,
    )
  })

  test('has a file for every part', () => {
    for (const name of PARTS) expect(existsSync(join(root, `scripts/reliability/parts/${name}.mjs`)), name).toBe(true)
  })
})

describe('figures', () => {
  const collected = () => {
    const figures = new Figures(() => undefined)
    figures.held('right', 1, { limit: '1', ok: true })
    figures.held('late', 9, { limit: '5 ms', ok: false, timing: true })
    figures.seen('seen', 3)
    figures.skipped('skipped', 'not here')
    return figures.list
  }
  const stateOf = (foreign: number) => judged(collected(), foreign).map(({ state }: Figure) => state)

  test('of time are neither passed nor failed where others used the machine', () => {
    expect(stateOf(0)).toEqual(['pass', 'fail', 'figure', 'skipped'])
    expect(stateOf(1.5)).toEqual(['pass', 'loaded', 'figure', 'skipped'])
  })

  test('that fail, and parts that do not end, fail the whole', () => {
    const whole = { part: 'a', figures: collected() }
    expect(counts([whole]).failed).toBe(1)
    expect(counts([{ part: 'a', figures: [], problem: 'SIGSEGV' }]).failed).toBe(1)
    expect(counts([{ ...whole, figures: judged(whole.figures, 2) }])).toEqual({
      failed: 0,
      text: '1 passed, 0 FAILED, 1 measured under load, 1 skipped, 1 figures',
    })
    expect(table([whole])).toContain('| a | late | 9 | 5 ms | FAILED |')
  })
})

describe('inputs', () => {
  test('are the same for a seed, and different from their seed', () => {
    const seed = Buffer.from('{"a": [1, 2, 3], "name": "x"}')
    const made = (n: number) => mutated(seed, randomFrom(n)).toString('latin1')
    expect(made(3)).toBe(made(3))
    const all = new Set(Array.from({ length: 500 }, (_, n) => made(n)))
    expect(all.size).toBeGreaterThan(400)
    expect(seed.toString()).toBe('{"a": [1, 2, 3], "name": "x"}')
  })

  test('of JSON hold what changes prototypes, as members', () => {
    const value = { kind: 'mlp', input: 2, hidden: [4, 4] }
    const keys = new Set<string>()
    for (let n = 0; n < 3000; n++) {
      const made = mutatedJson(value, randomFrom(n))
      if (typeof made === 'object' && made !== null) for (const key of Reflect.ownKeys(made)) keys.add(String(key))
    }
    for (const key of ['__proto__', 'constructor', 'toString']) expect(keys).toContain(key)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

test('the committed results are of full runs, of every part', () => {
  const place = join(root, 'scripts/reliability/results')
  const names = readdirSync(place).filter((name) => name.endsWith('.json'))
  const seen = new Set<string>()
  for (const name of names) {
    const { report, parts, quick, date, load } = JSON.parse(readFileSync(join(place, name), 'utf8'))
    expect([report, quick, typeof load.before[0]], name).toEqual(['reliability', false, 'number'])
    expect(name).toContain(date)
    for (const { part } of parts) seen.add(part)
  }
  expect([...seen].sort()).toEqual([...PARTS].sort())
})
