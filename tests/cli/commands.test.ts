/** The commands of the `langevin` tool: usage, studies, train, sample, score, schema. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { start, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('cli')
const langevin = (...args: string[]) => start(folder, args).outcome
const temporaries = () => readdirSync(folder).filter((name) => name.endsWith('.tmp'))

const RUN = {
  energy: { kind: 'mlp', input: 2, hidden: [8] },
  data: { toy: 'moons', n: 500 },
  objective: { kind: 'denoisingScoreMatching', sigma: 0.3 },
  optimizer: { kind: 'adam', lr: 0.001 },
  steps: 20,
  batchSize: 64,
  out: 'moons.safetensors',
}

function writeRun(name: string, changes: Record<string, unknown> = {}): string {
  writeFileSync(join(folder, name), JSON.stringify({ ...RUN, ...changes }))
  return name
}

describe('usage', () => {
  it('every command has help with examples', async () => {
    for (const name of [
      'spandrel',
      'compare',
      'train',
      'sample',
      'score',
      'schema',
      'anomaly',
      'graph',
      'doctor',
      'setup',
      'build',
    ]) {
      const { status, stdout } = await langevin(name, '--help')
      expect(status).toBe(0)
      expect(stdout).toContain('Examples:')
      expect(stdout).toContain(`npx langevin ${name}`)
    }
    const { status, stdout } = await langevin('--help')
    expect(status).toBe(0)
    expect(stdout).toContain('Exit codes')
  })

  it.each([
    [['spandrel', '--sead', '3'], '--seeds'],
    [['spandrel', '--shape', 'stp'], 'step'],
    [['spandrel', '--seeds', '0'], 'at least 1'],
    [['spandrel', '--seeds', '1,1'], 'duplicate seed'],
    [['spandrle'], 'spandrel'],
    [['compare', '--task', 'images'], 'toys'],
    [['compare', '--objectives', 'ncee'], 'nce'],
    [['train'], 'run.json'],
    [['sample', 'a.safetensors', '--chains', '-4'], 'whole number'],
  ])('%j is wrong usage: exit 2', async (args, hint) => {
    const { status, stdout, stderr } = await langevin(...args)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(hint)
  })
})

describe('compare', () => {
  it('gives rows, a summary and the page', async () => {
    const small = ['--data', 'moons', '--objectives', 'nce,ml-grid', '--seeds', '1', '--steps', '5']
    const { status, stdout, stderr } = await langevin(
      'compare',
      '--task',
      'toys',
      ...small,
      '--json',
      '--out',
      'compared',
    )
    expect(stderr).toContain('compare.html')
    expect(status).toBe(0)
    const { rows, overall, plans } = JSON.parse(stdout)
    expect(rows.map(({ objective }: { objective: string }) => objective)).toEqual(['nce', 'ml-grid'])
    expect(overall).toHaveLength(2)
    expect(Object.keys(plans)).toEqual(['nce', 'ml-grid'])
    expect(readFileSync(join(folder, 'compared', 'compare.html'), 'utf8')).toContain('what it cannot see')
  }, 60_000)
})

describe('spandrel', () => {
  it('prints its rows as JSON and writes the report', async () => {
    const out = join(folder, 'report')
    const args = ['--shape', 'step', '--models', 'mlp,mlp-kde,ebm-nce', '--seeds', '41,42', '--steps', '3']
    const { status, stdout, stderr } = await langevin('spandrel', ...args, '--json', '--out', out)
    expect(stderr).toContain('wrote')
    expect(status).toBe(0)
    const { rows, truth } = JSON.parse(stdout)
    expect(rows.length).toBe(6)
    for (const row of rows) {
      expect(row).toMatchObject({ shape: 'step', parameters: expect.any(Number), seconds: expect.any(Number) })
      for (const key of ['spandrelMass', 'fpr95', 'nearFpr95', 'outsideFpr95', 'bridgeMass', 'gapRatio']) {
        expect(row[key]).toBeGreaterThanOrEqual(0)
      }
      expect(Number.isFinite(row.totalVariation) && Number.isFinite(row.logLikelihood)).toBe(true)
    }
    expect([...new Set(rows.map((row: { seed: number }) => row.seed))]).toEqual([41, 42])
    expect(truth.step.spandrelMass).toBeLessThan(1e-3)
    expect(readdirSync(out).sort()).toEqual(['spandrel.html', 'spandrel.json'])
    expect(JSON.parse(readFileSync(join(out, 'spandrel.json'), 'utf8')).rows).toEqual(rows)
    expect(readFileSync(join(out, 'spandrel.html'), 'utf8')).toContain('</html>')
  })

  it('keeps finished runs when it is interrupted: exit 130', async () => {
    const out = join(folder, 'partial')
    const args = ['spandrel', '--shape', 'step', '--models', 'mlp,ebm-nce', '--seeds', '1', '--json', '--out', out]
    const { child, outcome } = start(folder, [...args, '--steps', '100000'])
    // The first words come when the work begins.
    child.stderr!.once('data', () => setTimeout(() => child.kill('SIGINT'), 500))
    const { status, stdout, stderr } = await outcome
    expect(status).toBe(130)
    expect(stderr).toContain('interrupted')
    expect(JSON.parse(stdout).interrupted).toBe(true)
    expect(readFileSync(join(out, 'spandrel.html'), 'utf8')).toContain('stopped before its end')
  })

  it('refuses a folder it cannot write before it works', async () => {
    writeFileSync(join(folder, 'file'), '')
    for (const out of [join(folder, 'file'), join(folder, 'file', 'below'), '/proc/1']) {
      const { status, stderr, stdout } = await langevin('spandrel', '--out', out)
      expect(status).toBe(1)
      expect(stderr).toMatch(/^ERR_LANGEVIN_IO: cannot write/)
      expect(stdout).toBe('')
    }
  })
})

describe('train, sample, score', () => {
  it('from a run file to samples and energies', async () => {
    const trained = await langevin('train', writeRun('run.json'), '--json')
    expect(trained.stderr).toContain('20 steps')
    expect(trained.status).toBe(0)
    expect(JSON.parse(trained.stdout)).toMatchObject({ out: 'moons.safetensors', steps: 20 })

    const sampler = ['--steps', '5', '--chains', '7', '--out', 'x.csv']
    const drawn = await langevin('sample', 'moons.safetensors', ...sampler, '--json')
    expect(drawn.status).toBe(0)
    expect(JSON.parse(drawn.stdout).diagnostics.chains).toBe(7)
    const rows = readFileSync(join(folder, 'x.csv'), 'utf8').trim().split('\n')
    expect(rows.length).toBe(8)
    expect(rows[0]).toBe('x1,x2')

    const scored = await langevin('score', 'moons.safetensors', 'x.csv', '--json')
    expect(scored.status).toBe(0)
    const { energies } = JSON.parse(scored.stdout)
    expect(energies.length).toBe(7)
    expect(energies.every(Number.isFinite)).toBe(true)
    const plain = await langevin('score', 'moons.safetensors', 'x.csv')
    expect(plain.stdout.trim().split('\n')).toEqual(['energy', ...energies.map(String)])
    expect(temporaries()).toEqual([])
  })

  it('stops at SIGINT with a checkpoint, and resumes', async () => {
    const file = writeRun('long.json', { steps: 1_000_000, out: 'long.safetensors' })
    const interrupted = async (...flags: string[]): Promise<number> => {
      const { child, outcome } = start(folder, ['train', file, ...flags])
      child.stderr!.once('data', () => setTimeout(() => child.kill('SIGINT'), 1500))
      const { status, stderr } = await outcome
      expect(status).toBe(130)
      expect(existsSync(join(folder, 'long.safetensors'))).toBe(false)
      return Number(/step (\d+) is saved in \S*\/step-\1\.safetensors.*runs resume long-1/.exec(stderr)?.[1])
    }
    const first = await interrupted()
    expect(first).toBeGreaterThanOrEqual(0)
    expect(await interrupted('--resume')).toBeGreaterThan(first)
  })

  it('names file and key of a faulty run file', async () => {
    const typo = await langevin('train', writeRun('typo.json', { batchsize: 8 }))
    expect(typo.status).toBe(1)
    expect(typo.stderr).toMatch(/ERR_LANGEVIN_INVALID_OPTION: typo\.json: batchsize: is not an option.*batchSize/)
    writeFileSync(join(folder, 'broken.json'), '{ "energy": ')
    const broken = await langevin('train', 'broken.json')
    expect(broken.status).toBe(1)
    expect(broken.stderr).toMatch(/ERR_LANGEVIN_FORMAT: broken\.json: not JSON/)
    const missing = await langevin('train', 'nowhere.json')
    expect(missing.stderr).toMatch(/^ERR_LANGEVIN_IO/)
    const foreign = await langevin('score', 'broken.json', 'x.csv')
    expect(foreign.stderr).toMatch(/^ERR_LANGEVIN_FORMAT/)
    const nowhere = await langevin('train', writeRun('nowhere-out.json', { out: '/proc/no/such/m.safetensors' }))
    expect(nowhere.stderr).toMatch(/^ERR_LANGEVIN_IO/)
  })
})

describe('schema', () => {
  it('lists families and prints JSON Schema', async () => {
    const list = await langevin('schema', '--json')
    expect(JSON.parse(list.stdout).objective).toContain('noiseContrastive')
    const { status, stdout } = await langevin('schema', 'run')
    expect(status).toBe(0)
    const schema = JSON.parse(stdout)
    expect(Object.keys(schema.$defs)).toEqual(expect.arrayContaining(['run', 'energy', 'objective', 'sampler']))
    expect((await langevin('schema', 'objektive')).stderr).toContain("'objective'")
  })
})
