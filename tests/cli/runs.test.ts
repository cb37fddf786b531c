/** `langevin runs` as it is used: train, list, compare, kill, resume, gc. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { main, start, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('cli-runs')
const langevin = (...args: string[]) => start(folder, args).outcome
const read = (path: string) => readFileSync(join(folder, path), 'utf8')

const RUN = {
  energy: { kind: 'mlp', input: 2, hidden: [8], gaussianBase: 2 },
  data: { toy: 'moons', n: 500 },
  objective: { kind: 'denoisingScoreMatching', sigma: 0.3 },
  optimizer: { kind: 'adam', lr: 0.001 },
  steps: 40,
  batchSize: 64,
  checkpoint: { every: 10 },
  out: 'moons.safetensors',
}
const write = (name: string, changes: object = {}) =>
  writeFileSync(join(folder, name), JSON.stringify({ ...RUN, ...changes }))

beforeAll(async () => {
  write('run.json')
  const { status, stdout, stderr } = await langevin('train', 'run.json', '--json')
  expect(status, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    out: 'moons.safetensors',
    run: 'runs/moons-1',
    checkpoint: 'runs/moons-1/checkpoints/step-40.safetensors',
  })
  expect((await langevin('train', 'run.json', '--set', 'optimizer.lr=0.01', '-q')).status).toBe(0)
})

describe('langevin runs', () => {
  it('lists runs, and names what is none', async () => {
    const { stdout } = await langevin('runs', 'list')
    expect(stdout).toMatch(/^run +state +steps/)
    expect(stdout).toMatch(/moons-2 +done +40 of 40[\s\S]*moons-1 +done +40 of 40/)
    const { runs } = JSON.parse((await langevin('runs', 'list', '--json')).stdout)
    expect(runs.map(({ id }: { id: string }) => id)).toEqual(['moons-2', 'moons-1'])
    const nowhere = await langevin('runs', 'list', '--runs', 'nowhere')
    expect([nowhere.status, nowhere.stderr]).toEqual([1, expect.stringContaining('ERR_LANGEVIN_IO')])
  })

  it('keeps model, result, report and the run file in the folder, which replays', async () => {
    expect(readdirSync(join(folder, 'runs/moons-1')).sort()).toEqual([
      'checkpoints',
      'metrics.jsonl',
      'model.safetensors',
      'record.json',
      'report.html',
      'result.json',
      'run.json',
    ])
    // The second run has written the model anew; the first keeps its own.
    expect(read('runs/moons-2/model.safetensors')).toBe(read('moons.safetensors'))
    expect(read('runs/moons-1/model.safetensors')).not.toBe(read('moons.safetensors'))
    const again = await langevin('train', 'runs/moons-1/run.json', '--out', 'again.safetensors', '-q')
    expect(again.status, again.stderr).toBe(0)
    expect(read('again.safetensors')).toBe(read('runs/moons-1/model.safetensors'))
    const { stdout } = await langevin('report', 'runs/moons-1', '--json')
    expect(JSON.parse(stdout).out).toBe('runs/moons-1/report.html')
  })

  it('compares settings and measurements', async () => {
    const { stdout } = await langevin('runs', 'compare', 'moons-1', 'runs/moons-2')
    expect(stdout).toMatch(/optimizer\.lr +0\.001 +0\.01/)
    expect(stdout).toMatch(/\nloss +\S+ +\S+/)
    const { differences, measured } = JSON.parse(
      (await langevin('runs', 'compare', 'moons-1', 'moons-2', '--json')).stdout,
    )
    expect(differences).toEqual([{ setting: 'optimizer.lr', values: { 'moons-1': 0.001, 'moons-2': 0.01 } }])
    expect(measured['moons-1'].loss).not.toBe(measured['moons-2'].loss)
    expect((await langevin('runs', 'compare', 'moons-1', 'moons-9')).stderr).toContain('did you mean')
    expect((await langevin('runs', 'compare', 'moons-1', 'moons-1')).stderr).toContain('named twice')
  })

  it('resumes a killed run bit-equal, in its folder', async () => {
    write('killed.json', { steps: 1_000_000, out: 'killed.safetensors', checkpoint: { every: 200 } })
    const { child, outcome } = start(folder, ['train', 'killed.json', '-q'])
    const place = join(folder, 'runs/killed-1/checkpoints')
    const written = () => existsSync(place) && readdirSync(place).some((name) => name.endsWith('.safetensors'))
    while (!written() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10))
    const busy = await langevin('runs', 'resume', 'killed-1')
    child.kill('SIGKILL')
    await outcome
    expect(busy.stderr).toContain('ERR_LANGEVIN_BUSY')
    expect((await langevin('runs', 'list')).stdout).toMatch(/killed-1 +interrupted/)
    // A file whose write was cut off has a temporary name; the others are whole.
    const newest = Math.max(
      ...readdirSync(place)
        .flatMap((name) => /^step-(\d+)/.exec(name)?.[1] ?? [])
        .map(Number),
    )
    const steps = String(newest + 300)
    const { status, stderr } = await langevin('runs', 'resume', 'killed-1', '--steps', steps)
    expect([status, stderr]).toEqual([0, expect.stringContaining(`after step ${newest}`)])
    expect((await langevin('train', 'killed.json', '--steps', steps, '--out', 'whole.safetensors', '-q')).status).toBe(
      0,
    )
    expect(read('killed.safetensors')).toBe(read('whole.safetensors'))
    expect((await langevin('runs', 'list')).stdout).toMatch(new RegExp(`killed-1 +done +${steps} of ${steps}`))
  })

  it('says why a run cannot be resumed', async () => {
    const done = await langevin('runs', 'resume', 'moons-1')
    expect([done.status, done.stderr]).toEqual([1, expect.stringContaining('--steps 80')])
    const longer = await langevin('runs', 'resume', 'moons-1', '--steps', '50', '--json', '-q')
    expect(longer.status, longer.stderr).toBe(0)
    expect(JSON.parse(longer.stdout)).toMatchObject({ run: expect.stringMatching(/runs\/moons-1$/), steps: 50 })
    write('other.json', { out: 'other.safetensors' })
    const none = await langevin('train', 'other.json', '--resume')
    expect([none.status, none.stderr]).toEqual([
      1,
      expect.stringContaining('no run in runs that writes other.safetensors'),
    ])
  })

  it('leaves no folder where a run cannot begin', async () => {
    write('bad.json', { out: 'bad.safetensors', objective: { kind: 'fDivergence', divergence: 'kl' }, y: 'nothing' })
    expect((await langevin('train', 'bad.json')).status).toBe(1)
    expect(readdirSync(join(folder, 'runs')).filter((name) => name.startsWith('bad'))).toEqual([])
  })

  it('lists more runs than a process may have files open', () => {
    const many = join(folder, 'many')
    for (let i = 0; i < 300; i++) cpSync(join(folder, 'runs/moons-2'), join(many, `m-${i}`), { recursive: true })
    // Fewer than the runs; the modules of the command itself are up to a hundred and some at a time.
    const command = `ulimit -n 220; '${process.execPath}' '${main}' runs list --runs many --json`
    const { stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' })
    const { runs, others } = JSON.parse(stdout || `{"runs":[],"others":${JSON.stringify(stderr)}}`)
    expect([runs.length, others]).toEqual([300, []])
  })

  it('gc names what would go, and removes it with --yes', async () => {
    const place = join(folder, 'runs/moons-2/checkpoints')
    const before = readdirSync(place)
    expect(before).toHaveLength(3)
    const dry = await langevin('runs', 'gc', 'moons-2')
    expect(dry.stdout.trim().split('\n')).toHaveLength(2)
    expect(dry.stderr).toContain('nothing was removed')
    expect(readdirSync(place)).toEqual(before)
    const { stdout } = await langevin('runs', 'gc', 'moons-2', '--yes', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ removed: true, items: [{ run: 'moons-2' }, { run: 'moons-2' }] })
    expect(readdirSync(place)).toEqual(['step-40.safetensors'])
    expect((await langevin('runs', 'gc', 'moons-3')).stderr).toContain('ERR_LANGEVIN_INVALID_OPTION')
    expect((await langevin('runs', 'gc', '--keep', '0')).status).toBe(2)
  })
})
