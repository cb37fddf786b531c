import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  data,
  diagnose,
  Energy,
  energies,
  type LangevinError,
  objectives,
  samplers,
  type TrainOptions,
  type TrainWarning,
  train,
} from '../../src/index.js'
import { trainReport } from '../../src/report/train-report.js'
import { invokeNow } from '../../src/runtime/index.js'
import { MONITORS, PLOTS } from '../../src/training/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const CORE = 'native/core/objectives/monitor_table.cpp'
const TEXT = 'src/training/monitors.ts'

interface Row {
  name: string
  side: string
  limit: number | null
  code: string | null
  severity: string | null
  reading: string | null
  remedy: string | null
}
const table = invokeNow<Row[]>('training.monitors', {})

/** Names that the core's sources give to monitor(), add() and warn(). */
async function named(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(`${root}native/core`, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.cpp')) continue
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8')
    for (const [, name] of text.matchAll(
      /\b(?:monitor|warn|monitors_?\.add|monitorNamed)\("(\w+)"|monitors_\["(\w+)"\]/g,
    ))
      if (name !== undefined) found.set(name, entry.name)
  }
  return found
}

describe('a monitor is known once per layer', () => {
  test('the core and TypeScript name the same monitors', () => {
    const core = table.map(({ name }) => name)
    expect(new Set(core).size).toBe(core.length)
    for (const name of core) expect(Object.keys(MONITORS), `add a row '${name}' to ${TEXT}`).toContain(name)
    for (const name of Object.keys(MONITORS)) expect(core, `add a row '${name}' to ${CORE}`).toContain(name)
  })

  test('every name the core measures has a row', async () => {
    const uses = await named()
    expect(uses.size).toBeGreaterThan(20)
    for (const [name, file] of uses)
      expect(Object.keys(MONITORS), `${file} measures '${name}': add a row to ${CORE} and ${TEXT}`).toContain(name)
  })

  test('what can be warned of says how bad it is, what it means and what to do', () => {
    for (const { name, side, limit, code, severity, reading, remedy } of table) {
      if (side === 'none') expect([name, limit, code, reading, remedy]).toEqual([name, null, null, null, null])
      else expect([name, severity, code, reading, remedy], `complete the row '${name}' of ${CORE}`).not.toContain(null)
      if (side !== 'none' && side !== 'onRequest') expect([name, limit]).not.toContain(null)
    }
    expect(table.find(({ name }) => name === 'clippedShare')).toMatchObject({ side: 'above', limit: 0.1 })
  })

  test('every chart of the report has a monitor', () => {
    const used = Object.values(MONITORS).map(({ plot }) => plot)
    for (const plot of Object.keys(PLOTS)) expect(used, `no monitor of ${TEXT} is shown in '${plot}'`).toContain(plot)
  })

  test('docs/reference/monitors.md lists them, and docs/diagnose.md the codes', async () => {
    const page = await readFile(`${root}docs/reference/monitors.md`, 'utf8')
    const guide = await readFile(`${root}docs/diagnose.md`, 'utf8')
    for (const { name, code } of table) {
      expect(page, `'${name}' is not on the page: npm run docs:reference`).toContain(`| \`${name}\` |`)
      if (code !== null) expect(guide, `add the code '${code}' to docs/diagnose.md`).toContain(`\`${code}\``)
    }
  })
})

describe('what an objective warns of', () => {
  const rows = data.toys.moons({ n: 500, seed: 1 })
  const spec = energies.mlp({ input: 2, hidden: [8], gaussianBase: 2 })
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'langevin-monitors-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const cold = samplers.langevin({ form: 'heuristic', steps: 2, stepSize: 1, noise: 0.01 })
  const mala = samplers.mala({ steps: 2, stepSize: 0.1 })
  const cases: readonly [string, string, TrainOptions['objective'], Partial<TrainWarning>][] = [
    [
      'effectiveTemperature',
      'temperature',
      objectives.contrastiveDivergence({ sampler: cold }),
      { value: expect.closeTo(5e-5, 12) as never, limit: 0.01, message: expect.stringContaining('not 1') as never },
    ],
    [
      'shortRun',
      'short-run',
      objectives.contrastiveDivergence({ sampler: mala, mode: 'shortRun', start: { from: 'normal' } }),
      { value: 2, limit: null, message: expect.stringContaining('short runs of 2 steps') as never },
    ],
    [
      'effectiveNegatives',
      'few-negatives',
      objectives.pseudoSpherical({ sampler: mala, gamma: 1e4, buffer: { size: 64 } }),
      { limit: 2, message: expect.stringMatching(/effectiveNegatives is 1[.\d]*, below 2: the importance/) as never },
    ],
  ]

  test.each(cases)(
    '%s is an event, in the result, a finding and in the report',
    async (monitor, code, objective, said) => {
      await using model = await Energy.create(spec, { seed: 1 })
      const run = train(model, rows, { objective, steps: 3, batchSize: 64, seed: 1 })
      const events = []
      for await (const event of run) if (event.type === 'warning') events.push(event)
      const result = await run.done
      const warning = { step: 1, monitor, code, severity: 'warning', remedy: expect.stringMatching(/\w{4}/), ...said }
      expect(events).toMatchObject([{ type: 'warning', ...warning }])
      expect(result.warnings).toMatchObject([warning])
      const { remedy, message } = result.warnings[0]!
      expect(message).not.toContain(remedy)
      const found = diagnose(result).findings.find((finding) => finding.code === code)
      expect(found).toEqual({
        code,
        severity: 'warning',
        message: `from step 1 on ${message}`,
        phase: { step: 1 },
        remedy,
      })
      const specs = { energy: spec, objective, data: {} }
      const page = trainReport({ ...result, run: specs }, {}).body.map(({ html }) => html)
      expect(page.join('')).toContain(`<strong>warning: ${code}.</strong>`)
    },
  )

  test('a resumed run keeps the warnings from before, once per monitor', async () => {
    const checkpoint = { path: join(folder, 'cold.safetensors') }
    const options = { objective: objectives.contrastiveDivergence({ sampler: cold }), batchSize: 64, checkpoint }
    await using first = await Energy.create(spec, { seed: 1 })
    await train(first, rows, { ...options, steps: 2 }).done
    await using second = await Energy.create(spec, { seed: 1 })
    const result = await train(second, rows, { ...options, steps: 4, resume: checkpoint.path }).done
    expect(result.warnings).toMatchObject([{ monitor: 'effectiveTemperature', step: 1 }])
  })

  test('an error carries reason and remedy apart, and the finding takes them', async () => {
    await using model = await Energy.create(spec, { seed: 1 })
    const objective = objectives.contrastiveDivergence({ sampler: mala })
    const optimizer = { kind: 'sgd', lr: 1e30 } as never
    const error = (await train(model, rows, { objective, optimizer, steps: 50 }).done.catch((e) => e)) as LangevinError
    const { reason, remedy } = error.details as Record<string, string>
    expect(error.message).toBe(`${reason}; ${remedy}`)
    expect(reason).toMatch(/^training diverged at step \d+: /)
    expect(remedy).toContain('a smaller lr')
    const { findings } = diagnose(error)
    expect(findings).toMatchObject([{ code: 'divergent', remedy, message: expect.stringContaining(reason!) }])
  })
})
