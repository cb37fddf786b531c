/** Tables on the command line: from a CSV to a model, to scores and draws, with no silently wrong number on the way. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { main, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('tables')
const langevin = (args: string[], input?: string) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    encoding: 'utf8',
    input,
  })
  return { status, stdout, stderr }
}
const energies = (...args: string[]) => {
  const { status, stdout, stderr } = langevin(['score', ...args, '--json'])
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout).energies as number[]
}
const table = (names: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  `${[names, ...rows].map((row) => row.join(',')).join('\n')}\n`
const write = (name: string, names: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  writeFileSync(join(folder, name), table(names, rows))

/** Temperatures about 40, pressures about 3, vibrations about 0.02, the first two of them together. */
function machines(count: number, shift = 0): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const [a, b, c] = [Math.sin(1.7 * (i + shift)), Math.sin(2.9 * (i + shift) + 1), Math.sin(4.3 * (i + shift) + 2)]
    return [40 + 5 * a, 3 + 0.3 * (0.8 * a + 0.6 * b), 0.02 + 0.004 * c]
  })
}

const NAMES = ['temp', 'pressure', 'vib']
const ODD = [95, 60, 0.9]
const NEW = [...machines(12, 1000), ODD]

beforeAll(() => {
  write('rows.csv', NAMES, machines(400))
  write('new.csv', NAMES, NEW)
  const trained = langevin(['train', 'rows.csv', '--steps', '200', '--out', 'deep/er/rows.safetensors', '--json'])
  expect(trained.status, trained.stderr).toBe(0)
  expect(trained.stderr).toContain('400 rows, columns standardised')
  const { out, energies: spread } = JSON.parse(trained.stdout)
  expect(out).toBe('deep/er/rows.safetensors')
  expect(spread.median).toBeLessThan(spread.q95)
  expect(spread.q95).toBeLessThanOrEqual(spread.q99)
}, 60_000)
const MODEL = 'deep/er/rows.safetensors'

describe('a table without a run file', () => {
  it('the odd row has by far the highest energy', () => {
    const scored = energies(MODEL, 'new.csv')
    expect(scored.at(-1)!).toBeGreaterThan(Math.max(...scored.slice(0, -1)) + 100)
  })

  it('so it has with every objective, and with the example of the help', () => {
    const help = langevin(['train', '--help']).stdout
    const spec = JSON.parse(/\{ "energy"[\s\S]*?"out": "rings.safetensors" \}/.exec(help)![0])
    expect(spec.energy.gaussianBase).toBeGreaterThan(0)
    const mine = {
      ...spec,
      energy: { ...spec.energy, input: 3 },
      data: { path: 'rows.csv' },
      steps: 150,
      out: 'own.safetensors',
    }
    writeFileSync(join(folder, 'own.json'), JSON.stringify(mine))
    expect(langevin(['train', 'own.json']).status).toBe(0)
    for (const objective of ['nce', 'cnce', 'pcd']) {
      const args = [
        'train',
        'rows.csv',
        '--objective',
        objective,
        '--hidden',
        '16',
        '--steps',
        '30',
        '--out',
        `${objective}.safetensors`,
      ]
      const { status, stderr } = langevin(args)
      expect(status, stderr).toBe(0)
    }
    for (const name of ['own', 'nce', 'cnce', 'pcd']) {
      const scored = energies(`${name}.safetensors`, 'new.csv')
      expect(scored.at(-1)!, name).toBeGreaterThan(Math.max(...scored.slice(0, -1)))
    }
  }, 60_000)

  it('columns are found by name, from stdin too', () => {
    const scored = energies(MODEL, 'new.csv')
    write(
      'swapped.csv',
      ['vib', 'temp', 'pressure'],
      NEW.map(([t, p, v]) => [v!, t!, p!]),
    )
    expect(energies(MODEL, 'swapped.csv')).toEqual(scored)
    write(
      'more.csv',
      ['id', ...NAMES],
      NEW.map((row, i) => [`m${i}`, ...row]),
    )
    expect(energies(MODEL, 'more.csv', '--ignore', 'id')).toEqual(scored)
    expect(energies(MODEL, 'more.csv', '--columns', NAMES.join(','))).toEqual(scored)
    const piped = langevin(['score', MODEL, '-', '--format', 'csv', '--json'], table(NAMES, NEW))
    expect(JSON.parse(piped.stdout).energies).toEqual(scored)
    writeFileSync(join(folder, 'commas.csv'), table(NAMES, NEW).replaceAll(',', ';').replaceAll('.', ','))
    expect(langevin(['score', MODEL, 'commas.csv']).status).toBe(1)
    expect(energies(MODEL, 'commas.csv', '--decimal', ',')).toEqual(scored)
    expect(langevin(['score', MODEL, MODEL, '--decimal', ',']).stderr).toMatch(/--decimal: only tables of text/)
    writeFileSync(join(folder, 'new.txt'), table(NAMES, NEW))
    expect(langevin(['score', MODEL, 'new.txt']).stderr).toMatch(/unknown file extension.*--format/)
    expect(energies(MODEL, 'new.txt', '--format', 'csv')).toEqual(scored)
  })

  it.each([
    ['more.csv', ['id', ...NAMES], NEW.map((row, i) => [i, ...row]), /'id' is not among them.*--ignore id/],
    ['less.csv', ['temp', 'pressure'], [[40, 3]], /there is no 'vib'/],
    ['spelt.csv', ['temp', 'presure', 'vib'], [[40, 3, 0.02]], /no 'pressure'; did you mean 'presure'/],
    [
      'text.csv',
      NAMES,
      [
        ['a', 3, 0.02],
        ['b', 3.1, 0.02],
      ],
      /column 'temp' contains text/,
    ],
  ])('%s is refused with its column named', (name, names, rows, message) => {
    write(name, names, rows)
    const { status, stdout, stderr } = langevin(['score', MODEL, name])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
  })

  it('--header says what the first row is', () => {
    // Names that are numbers (years) look like a row; texts look like names.
    writeFileSync(
      join(folder, 'years.csv'),
      `2020,2021,2022\n${machines(20)
        .map((row) => row.join(','))
        .join('\n')}\n`,
    )
    const init = (...args: string[]) => {
      const { status, stderr } = langevin(['init', 'years.csv', '--out', 'years.json', '--force', ...args])
      expect(status, stderr).toBe(0)
      return JSON.parse(readFileSync(join(folder, 'years.json'), 'utf8')).data
    }
    expect(init('--header', 'yes')).toEqual({ path: 'years.csv', header: true })
    expect(init()).toEqual({ path: 'years.csv' })
    const named = langevin(['score', MODEL, 'years.csv', '--header', 'yes'])
    expect([named.status, named.stderr]).toEqual([1, expect.stringContaining('2020')])
    const unnamed = langevin(['score', MODEL, 'years.csv', '--header', 'no'])
    expect([unnamed.status, unnamed.stderr]).toEqual([1, expect.stringContaining('column1')])
    const wrong = langevin(['score', MODEL, 'years.csv', '--header', 'true'])
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('expected yes, no')])
    const other = langevin(['score', MODEL, MODEL, '--header', 'yes'])
    expect([other.status, other.stderr]).toEqual([1, expect.stringContaining('--header: only tables of text')])
  })

  it('a threshold, a file, and silence', () => {
    const { stdout, stderr } = langevin(['score', MODEL, 'new.csv', '--threshold', '50', '-q'])
    expect(stderr).toBe('')
    const lines = stdout.trim().split('\n')
    expect(lines[0]).toBe('energy,above')
    expect(lines.at(-1)).toMatch(/,1$/)
    expect(lines.filter((line) => line.endsWith(',1'))).toHaveLength(1)
    const json = langevin(['score', MODEL, 'new.csv', '--threshold', '50', '--out', 'scores/e.csv', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({ out: 'scores/e.csv', threshold: 50, rows: 13 })
    expect(readFileSync(join(folder, 'scores/e.csv'), 'utf8')).toBe(stdout)
  })

  it('draws have the names and the units of the table, and are scored again', () => {
    const drawn = langevin([
      'sample',
      MODEL,
      '--chains',
      '50',
      '--steps',
      '200',
      '--step-size',
      '0.1',
      '--out',
      'draws/x.csv',
      '--json',
    ])
    expect(drawn.status, drawn.stderr).toBe(0)
    const [head, ...lines] = readFileSync(join(folder, 'draws/x.csv'), 'utf8').trim().split('\n')
    expect(head).toBe('temp,pressure,vib')
    const temps = lines.map((line) => Number(line.split(',')[0]))
    expect(Math.abs(temps.reduce((a, b) => a + b) / temps.length - 40)).toBeLessThan(4)
    expect(energies(MODEL, 'draws/x.csv')).toHaveLength(50)
    const { status, stderr } = langevin(['report', 'deep/er/rows.result.json', '--out', 'pages/r.html'])
    expect(status, stderr).toBe(0)
    expect(readFileSync(join(folder, 'pages/r.html'), 'utf8')).toContain('Energies (low = probable)')
  })

  it('text and counters are refused by name, in the help of the remedy', () => {
    write(
      'ids.csv',
      ['id', 'state', ...NAMES],
      machines(40).map((row, i) => [i + 1, i % 2 ? 'on' : 'off', ...row]),
    )
    expect(langevin(['train', 'ids.csv']).stderr).toMatch(/column 'state' contains text.*--ignore state/)
    expect(langevin(['train', 'ids.csv', '--ignore', 'state']).stderr).toMatch(
      /column 'id' counts the rows.*--ignore id/,
    )
    const args = [
      'train',
      'ids.csv',
      '--ignore',
      'state,id',
      '--steps',
      '5',
      '--hidden',
      '8',
      '--out',
      'ids.safetensors',
    ]
    const { status, stderr } = langevin(args)
    expect(status, stderr).toBe(0)
    expect(energies('ids.safetensors', 'new.csv')).toHaveLength(13)
    const run = {
      energy: { kind: 'mlp', input: 2, hidden: [4] },
      data: { path: 'rows.csv' },
      objective: { kind: 'denoisingScoreMatching', sigma: 0.3 },
      steps: 1,
      out: 'w.safetensors',
    }
    writeFileSync(join(folder, 'width.json'), JSON.stringify(run))
    expect(langevin(['train', 'width.json']).stderr).toMatch(
      /3 numbers per row \(temp, pressure, vib\), and the network takes 2/,
    )
  })

  it('a class is y by name, and its texts keep their numbers', () => {
    write(
      'states.csv',
      ['state', ...NAMES],
      machines(60).map((row, i) => [['ok', 'bad', 'warm'][i % 3]!, ...row]),
    )
    const args = [
      'train',
      'states.csv',
      '--y',
      'state',
      '--hidden',
      '8',
      '--steps',
      '20',
      '--out',
      'states.safetensors',
    ]
    const trained = langevin(args)
    expect(trained.status, trained.stderr).toBe(0)
    write(
      'one.csv',
      ['state', ...NAMES],
      machines(3).map((row) => ['warm', ...row]),
    )
    write('two.csv', ['state', ...NAMES], [...machines(3).map((row) => ['warm', ...row]), ['bad', ...machines(1)[0]!]])
    expect(energies('states.safetensors', 'two.csv').slice(0, 3)).toEqual(energies('states.safetensors', 'one.csv'))
  })

  it('unscaled columns are warned of, and say so', () => {
    const args = ['train', 'rows.csv', '--no-standardize', '--steps', '2', '-q', '--out', 'raw.safetensors']
    const { status, stderr } = langevin(args)
    expect(status).toBe(0)
    expect(stderr).toMatch(/^warning: columns have unequal scales .*vib.*temp.*"standardize": true/)
    expect(energies('raw.safetensors', 'swapped.csv')).toEqual(energies('raw.safetensors', 'new.csv'))
  })
})

describe('init, --set and run files', () => {
  it('init writes what train runs, and does not overwrite it', () => {
    const made = langevin([
      'init',
      'rows.csv',
      '--set',
      'energy.hidden=[8]',
      '--set',
      'steps=10',
      '--out',
      'plans/run.json',
    ])
    expect(made.status, made.stderr).toBe(0)
    const plan = JSON.parse(readFileSync(join(folder, 'plans/run.json'), 'utf8'))
    expect(plan).toMatchObject({
      standardize: true,
      steps: 10,
      energy: { input: 3, hidden: [8], gaussianBase: 'full' },
      data: { path: 'rows.csv' },
    })
    expect(langevin(['init', 'rows.csv', '--out', 'plans/run.json']).stderr).toMatch(/is there already.*--force/)
    const set = ['plans/run.json', '--set', 'optimizer.lr=0.001', '--set', 'out=set.safetensors']
    const { status, stderr } = langevin(['train', ...set])
    expect(status, stderr).toBe(0)
    const { run } = JSON.parse(readFileSync(join(folder, 'set.result.json'), 'utf8'))
    expect(run.optimizer.lr).toBe(0.001)
    const again = [...set, '--resume', '--steps', '20']
    expect(langevin(['train', ...again]).status).toBe(0)
  })

  it('a file of another kind is named, with what to do', () => {
    expect(langevin(['report', MODEL]).stderr).toMatch(/not JSON; the report is about deep\/er\/rows\.result\.json/)
    expect(langevin(['report', 'rows.csv']).stderr).toMatch(/a file of rows: langevin train takes it/)
    const help = langevin(['spandrel', '--help']).stdout
    expect(help).toMatch(/\(default: all\s+four\)/)
    expect(help).not.toContain('default: [')
  })

  it.each([
    [['--set', 'lr=0.1'], "did you mean 'optimizer.lr'"],
    [['--set', 'hidden=[4]'], "did you mean 'energy.hidden'"],
    [['--set', 'energy.hiden=[4]'], "did you mean 'hidden'"],
    [['--objective', 'dms'], "did you mean 'dsm'"],
  ])('%j', (args, message) => {
    const { status, stderr } = langevin(['train', 'plans/run.json', ...args])
    expect(status).toBe(1)
    expect(stderr).toContain(message)
  })

  it.each([
    [['--set', 'lr']],
    [['--set', '=3']],
    [['--set', '__proto__.x=3']],
    [['--format', 'xls']],
    [['--hidden', '0']],
  ])('%j is wrong usage: exit 2', (args) => {
    expect(langevin(['train', 'rows.csv', ...args]).status).toBe(2)
  })

  it('a resumed run on a changed table says what has changed', () => {
    mkdirSync(join(folder, 'changed'))
    write('changed/t.csv', NAMES, machines(50))
    const args = ['train', 'changed/t.csv', '--hidden', '4', '--out', 'changed/t.safetensors']
    expect(langevin([...args, '--steps', '5']).status).toBe(0)
    write('changed/t.csv', NAMES, machines(50, 3))
    const { stderr } = langevin([...args, '--steps', '10', '--resume'])
    expect(stderr).toMatch(/inputs of the energy.*the data has changed/)
    // The run that could not be continued is what it was: done, with its checkpoint.
    const { runs } = JSON.parse(langevin(['runs', 'list', '--json']).stdout)
    const { state, step } = runs.find(({ id }: { id: string }) => id === 't-1')
    expect([state, step]).toEqual(['done', 5])
    expect(existsSync(join(folder, 'runs/t-1/checkpoints/step-5.safetensors'))).toBe(true)
  })

  it('samplers get a step size only where they have one', () => {
    expect(langevin(['sample', MODEL, '--sampler', 'hmc', '--steps', '3', '--chains', '2']).status).toBe(0)
    const gibbs = langevin(['sample', MODEL, '--sampler', 'gibbs', '--steps', '3', '--chains', '2'])
    expect(gibbs.stderr).not.toContain('stepSize')
  })
})
