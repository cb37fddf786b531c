/** Folders of runs: what is listed, what gc would remove, whatever lies in them. */
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { data, Energy, energies, objectives, train } from '../../src/index.js'
import {
  alone,
  checkpointPattern,
  createRunFolder,
  differences,
  findRun,
  gcPlan,
  gcRemove,
  listRuns,
  newestCheckpoint,
  RunRecorder,
  requireEnded,
} from '../../src/runs/index.js'
import { thisProcess } from '../../src/runs/process.js'
import { temporaryFolder } from '../helpers/cli.js'
import { rejection } from '../helpers/errors.js'

const base = temporaryFolder('runs')
const warn = (text: string) => {
  throw new Error(text)
}
const RUN = {
  objective: { kind: 'denoisingScoreMatching', sigma: 0.3 },
  optimizer: { kind: 'adam', lr: 0.01 },
  steps: 40,
  out: 'm.safetensors',
}

/** A run of 40 steps with its checkpoints after 10, 20, ... */
async function trained(root: string, name = 'm'): Promise<string> {
  const { path } = await createRunFolder(root, name)
  using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }), { seed: 1 })
  const recorder = await RunRecorder.begin(path, { run: RUN, seed: 0, rows: 50, parameters: 17, steps: 40, warn })
  const run = train(model, data.toys.moons({ n: 50, seed: 1 }), {
    objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
    steps: 40,
    checkpoint: { path: checkpointPattern(path), every: 10 },
  })
  for await (const event of run) recorder.event(event)
  const result = await run.done
  // Too late: nothing is held any more.
  recorder.pause(run)
  recorder.resume(run)
  await recorder.done(result)
  return path
}

let template: string
beforeAll(async () => {
  template = await trained(join(base, 'template'))
})

/** A folder of runs of its own with copies of the trained one. */
function rootWith(test: string, ...ids: string[]): string {
  const root = join(base, test)
  mkdirSync(root)
  for (const id of ids) cpSync(template, join(root, id), { recursive: true })
  return root
}

function changeRecord(path: string, changes: object): void {
  const record = JSON.parse(readFileSync(join(path, 'record.json'), 'utf8'))
  writeFileSync(join(path, 'record.json'), JSON.stringify({ ...record, ...changes }))
}

const steps = (path: string) =>
  readdirSync(join(path, 'checkpoints'))
    .map((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1]))
    .sort((a, b) => a - b)

describe('the folder of a run', () => {
  it('says what ran, on what, and how it ended; the newest checkpoints stay', async () => {
    const [run] = (await listRuns(join(base, 'template'))).runs
    expect(run).toMatchObject({ id: 'm-1', state: 'done', step: 40, steps: 40 })
    const { environment, findings, seed, rows } = run!.record
    expect(environment).toMatchObject({ node: process.versions.node, langevin: expect.stringMatching(/^\d+\.\d+/) })
    expect([findings, seed, rows]).toEqual([expect.any(Array), 0, 50])
    expect(steps(run!.path)).toEqual([20, 30, 40])
    expect((await newestCheckpoint(run!))?.step).toBe(40)
    expect(readFileSync(join(run!.path, 'metrics.jsonl'), 'utf8')).not.toMatch(/"type":"(pause|continue)"/)
  })

  it('has the next free number, also where others take numbers at the same time', async () => {
    const root = rootWith('numbers', 'm-7')
    mkdirSync(join(root, 'm-x'))
    const made = await Promise.all([1, 2, 3].map(() => createRunFolder(root, 'm')))
    expect(made.map(({ id }) => id).sort()).toEqual(['m-10', 'm-8', 'm-9'])
    expect((await createRunFolder(root, '../../etc/x y')).id).toBe('etc-x-y-1')
    expect((await createRunFolder(root, '..')).id).toBe('run-1')
  })
})

describe('the lines of a long run', () => {
  it('are some ten thousand, however often it reports', async () => {
    const { path } = await createRunFolder(join(base, 'long'), 'm')
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    try {
      const recorder = await RunRecorder.begin(path, { run: RUN, seed: 0, rows: 1, parameters: 1, warn })
      // Three hours at 20 reports a second.
      const reports = 3 * 3600 * 20
      for (let step = 1; step <= reports; step++) {
        now = 50 * step
        const clocks = { stepsPerSecond: 20, seconds: now / 1000, secondsLeft: 0 }
        recorder.event({ type: 'progress', step, steps: reports + 1, loss: 1, ...clocks })
        if (step % 500 === 0) await new Promise(setImmediate) // lines that nobody has time to write are left out
      }
      await recorder.failed(new Error('the end'), true)
    } finally {
      clock.mockRestore()
    }
    const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8').trim().split('\n')
    // All 2000 of the first 100 s, then one per 100, 150, 200, ... ms for 100 s each: 2000 (1 + 1/2 + ... + 1/108) = 10,530; and
    // start, end.
    expect(lines.length).toBeGreaterThan(10_400)
    expect(lines.length).toBeLessThan(10_700)
    // The last report is there, whenever it came.
    expect(JSON.parse(lines.at(-2)!).step).toBe(3 * 3600 * 20)
  })
})

describe('a folder of runs', () => {
  it('names half-written and foreign folders, and lists the others', async () => {
    const root = rootWith('odd', 'm-1')
    mkdirSync(join(root, 'photos'))
    writeFileSync(join(root, 'notes.txt'), 'x')
    symlinkSync(template, join(root, 'link'))
    const broken: Record<string, string> = {
      cut: '{"format": 1, "state": "do',
      empty: '',
      list: '[]',
      'null-1': 'null',
      later: '{"format": 99}',
      odd: '{"format": 1, "state": "sleeping"}',
    }
    for (const [name, text] of Object.entries(broken)) {
      mkdirSync(join(root, name))
      writeFileSync(join(root, name, 'record.json'), text)
    }
    const { runs, others } = await listRuns(root)
    expect(runs.map(({ id }) => id)).toEqual(['m-1'])
    expect(others.map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual(
      [...Object.keys(broken).map((name) => `${name} half`), 'link foreign', 'photos foreign'].sort(),
    )
    expect(others.find(({ id }) => id === 'later')?.problem).toContain('version 99')
  })

  it('tells a run whose process is gone from one that is being trained', async () => {
    const root = rootWith('alive', 'gone', 'here', 'reused', 'far')
    changeRecord(join(root, 'gone'), { state: 'running', process: { ...thisProcess(), pid: 2 ** 22 + 1 } })
    changeRecord(join(root, 'here'), { state: 'running', process: thisProcess() })
    // Another process has the number now.
    changeRecord(join(root, 'reused'), { state: 'running', process: { ...thisProcess(), started: 1 } })
    changeRecord(join(root, 'far'), { state: 'running', process: { host: 'elsewhere', pid: 1, started: 1 } })
    const { runs } = await listRuns(root)
    expect(Object.fromEntries(runs.map(({ id, state }) => [id, state]))).toEqual({
      gone: 'interrupted',
      here: 'running',
      reused: 'interrupted',
      far: 'elsewhere',
    })
  })

  it('finds runs by name and by path, and suggests the nearest', async () => {
    const root = rootWith('find', 'moons-1')
    expect((await findRun(root, 'moons-1')).path).toBe(join(root, 'moons-1'))
    expect((await findRun('nowhere', join(root, 'moons-1'))).id).toBe('moons-1')
    const typo = await rejection(() => findRun(root, 'mons-1'))
    expect([typo.code, typo.message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringContaining("did you mean 'moons-1'"),
    ])
    mkdirSync(join(root, 'other'))
    expect((await rejection(() => findRun(root, 'other'))).code).toBe('ERR_LANGEVIN_FORMAT')
    expect((await rejection(() => listRuns(join(root, 'nowhere')))).code).toBe('ERR_LANGEVIN_IO')
  })

  it('says which settings differ', () => {
    const changed = { ...RUN, optimizer: { kind: 'adam', lr: 0.1 }, out: 'other', ema: 0.9 }
    expect(
      differences([
        { id: 'a', run: RUN },
        { id: 'b', run: changed },
      ]),
    ).toEqual([
      { setting: 'optimizer.lr', values: { a: 0.01, b: 0.1 } },
      { setting: 'ema', values: { a: null, b: 0.9 } },
    ])
  })
})

describe('a run that is continued', () => {
  const checkpoint = (path: string, step: number, file: string) =>
    appendFileSync(
      join(path, 'metrics.jsonl'),
      `${JSON.stringify({ type: 'checkpoint', time: '', step, path: file })}\n`,
    )

  it('goes on from the checkpoints that its own lines name, also where {step} is in their path', async () => {
    const root = rootWith('elsewhere-kept', 'a', 'b')
    mkdirSync(join(root, 'kept'))
    for (const id of ['a', 'b']) {
      const path = join(root, id)
      changeRecord(path, { folder: root })
      writeFileSync(join(path, 'metrics.jsonl'), '')
      for (const step of [30, 40]) {
        const from = join(path, 'checkpoints', `step-${step}.safetensors`)
        if (id === 'a') copyFileSync(from, join(root, 'kept', `step-${step}.safetensors`))
        if (id === 'a') checkpoint(path, step, `kept/step-${step}.safetensors`)
      }
      copyFileSync(join(path, 'checkpoints', 'step-40.safetensors'), join(root, 'shared.safetensors'))
      rmSync(join(path, 'checkpoints'), { recursive: true })
    }
    const newest = async (id: string) => (await newestCheckpoint(await findRun(root, id)))?.path
    expect(await newest('a')).toBe(join(root, 'kept', 'step-40.safetensors'))
    rmSync(join(root, 'kept', 'step-40.safetensors'))
    expect(await newest('a')).toBe(join(root, 'kept', 'step-30.safetensors'))
    // One file for two runs: it is of step 40, and this run wrote it after 20.
    checkpoint(join(root, 'b'), 20, 'shared.safetensors')
    expect(await newest('b')).toBeUndefined()
  })

  it('is looked at as it is now, and by one process at a time', async () => {
    const root = rootWith('twice', 'm-1')
    const path = join(root, 'm-1')
    const before = await findRun(root, 'm-1')
    expect((await requireEnded(before)).state).toBe('done')
    changeRecord(path, { state: 'running', process: thisProcess() })
    expect((await rejection(() => requireEnded(before))).code).toBe('ERR_LANGEVIN_BUSY')
    changeRecord(path, { process: { host: 'elsewhere', pid: 1, started: 1 } })
    expect((await rejection(() => requireEnded(before))).message).toContain(`${path}/run.json --resume <checkpoint>`)
    const second = await alone(path, () => rejection(() => alone(path, async () => undefined)))
    expect(second.code).toBe('ERR_LANGEVIN_BUSY')
    // Of a process that was killed.
    writeFileSync(join(path, 'begin.lock'), JSON.stringify({ ...thisProcess(), pid: 2 ** 22 + 1 }))
    expect(await alone(path, async () => 'mine')).toBe('mine')
    expect(existsSync(join(path, 'begin.lock'))).toBe(false)
  })

  it('keeps its run.json where its folder cannot be written', async () => {
    const root = rootWith('unwritable', 'm-1')
    const path = join(root, 'm-1')
    const before = readFileSync(join(path, 'run.json'), 'utf8')
    rmSync(join(path, 'metrics.jsonl'))
    mkdirSync(join(path, 'metrics.jsonl'))
    const facts = { run: { other: 1 }, seed: 0, rows: 1, parameters: 1, warn }
    expect((await rejection(() => RunRecorder.begin(path, facts))).code).toBe('ERR_LANGEVIN_IO')
    expect(readFileSync(join(path, 'run.json'), 'utf8')).toBe(before)
  })

  it('is paused also where progress was under way, until it is continued', async () => {
    const root = rootWith('paused', 'm-1')
    const path = join(root, 'm-1')
    changeRecord(path, { state: 'running', process: thisProcess() })
    const says = async (type: string) => {
      appendFileSync(join(path, 'metrics.jsonl'), `${JSON.stringify({ type, time: '', step: 41, steps: 50 })}\n`)
      return (await findRun(root, 'm-1')).state
    }
    expect([await says('pause'), await says('progress'), await says('continue')]).toEqual([
      'paused',
      'paused',
      'running',
    ])
    expect([await says('pause'), await says('resume')]).toEqual(['paused', 'running'])
  })
})

describe('gc', () => {
  it('keeps the newest whole checkpoint of every run, also where a newer one is broken', async () => {
    const root = rootWith('gc', 'm-1', 'm-2')
    const place = join(root, 'm-2', 'checkpoints')
    // The newest was cut off while it was copied; a temporary file is left of a write.
    const newest = readFileSync(join(place, 'step-40.safetensors'))
    writeFileSync(join(place, 'step-40.safetensors'), newest.subarray(0, newest.length - 1))
    writeFileSync(join(place, '.step-50.safetensors.123.0123abcd.tmp'), 'x')
    writeFileSync(join(place, 'mine.safetensors'), 'x')
    writeFileSync(join(root, 'm-2', '.record.json.123.0123abcd.tmp'), 'x')
    const before = readdirSync(place).sort()
    const plan = await gcPlan(root)
    expect(readdirSync(place).sort()).toEqual(before)
    const removed = await gcRemove(root, plan)
    expect(removed).toHaveLength(2 + 2 + 1 + 1)
    expect(steps(join(root, 'm-1'))).toEqual([40])
    expect(readdirSync(place).sort()).toEqual(['mine.safetensors', 'step-30.safetensors'])
    expect(await gcPlan(root)).toEqual({ items: [], skipped: [] })
  })

  it('takes the last checkpoint only of runs that are done and have their model, when asked to', async () => {
    const root = rootWith('gc-done', 'done', 'bare', 'stopped')
    writeFileSync(join(root, 'done', 'model.safetensors'), 'x')
    writeFileSync(join(root, 'stopped', 'model.safetensors'), 'x')
    changeRecord(join(root, 'stopped'), { state: 'aborted' })
    await gcRemove(root, await gcPlan(root, { done: true }))
    expect(['done', 'bare', 'stopped'].map((id) => steps(join(root, id)))).toEqual([[], [40], [40]])
  })

  it('leaves runs alone that are being trained, foreign folders, links and young folders', async () => {
    const root = rootWith('gc-busy', 'busy', 'far', 'chosen', 'other')
    changeRecord(join(root, 'busy'), { state: 'running', process: thisProcess() })
    changeRecord(join(root, 'far'), { state: 'running', process: { host: 'elsewhere', pid: 1, started: 1 } })
    symlinkSync(template, join(root, 'link'))
    mkdirSync(join(root, 'photos'))
    const old = new Date(Date.now() - 3_600_000)
    // As a process leaves it that is killed before record.json is there, or something beside it.
    const begun = { 'run.json': '{}', 'metrics.jsonl': '' }
    const folders: Record<string, Record<string, string>> = {
      young: begun,
      old: begun,
      late: begun,
      rich: { ...begun, thesis: '' },
      own: { 'run.json': '{}' },
      measured: { ...begun, 'metrics.jsonl': '{}\n' },
      saved: { ...begun, 'checkpoints/step-1.safetensors': '' },
      newer: { ...begun, 'record.json': '{"format": 99}' },
    }
    for (const [name, files] of Object.entries(folders)) {
      mkdirSync(join(root, name))
      if ('metrics.jsonl' in files) mkdirSync(join(root, name, 'checkpoints'))
      for (const [file, text] of Object.entries(files)) writeFileSync(join(root, name, file), text)
      if (name !== 'young') utimesSync(join(root, name), old, old)
    }
    const stay = ['measured', 'newer', 'own', 'rich', 'saved']
    const plan = await gcPlan(root)
    expect(plan.skipped.map(({ run }) => run).sort()).toEqual(
      ['busy', 'far', 'link', 'photos', 'young', ...stay].sort(),
    )
    expect(plan.skipped.find(({ run }) => run === 'far')?.why).toContain('--resume <checkpoint>')
    // Somebody puts something into a folder between the plan and its end.
    writeFileSync(join(root, 'late', 'notes'), 'x')
    utimesSync(join(root, 'late'), old, old)
    // A run that is continued between the plan and its end.
    changeRecord(join(root, 'other'), { state: 'running', process: thisProcess() })
    await gcRemove(root, plan)
    expect(existsSync(join(root, 'old'))).toBe(false)
    expect(readdirSync(join(root, 'late')).sort()).toEqual(['checkpoints', 'metrics.jsonl', 'notes', 'run.json'])
    for (const name of stay)
      for (const file of Object.keys(folders[name]!)) expect(existsSync(join(root, name, file)), name).toBe(true)
    expect(['busy', 'far', 'other'].map((id) => steps(join(root, id)))).toEqual(Array(3).fill([20, 30, 40]))
    expect(steps(join(root, 'chosen'))).toEqual([40])
    expect(steps(template)).toEqual([20, 30, 40])
  })
})
