/** `langevin anomaly`, run as a command. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { start, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('cli-anomaly')
const anomaly = (...args: string[]) => start(folder, ['anomaly', ...args]).outcome

// Two measures of machines: those that run well lie on a circle, the hot ones well outside.
const circle = (radius: number, count: number) =>
  Array.from({ length: count }, (_, i) => [radius * Math.cos(i * 1.3), radius * Math.sin(i * 1.3)])
const lines = [
  'speed;heat;state',
  ...circle(1, 60).map(([a, b]) => `${a};${b};ok`),
  ...circle(9, 12).map(([a, b]) => `${a};${b};hot`),
]
writeFileSync(join(folder, 'machines.csv'), lines.join('\r\n'))

describe('langevin anomaly', () => {
  it('prints exactly the rows as JSON, and writes the report', async () => {
    const args = ['machines.csv', '--label', 'state', '--seeds', '41,42', '--steps', '150', '--json', '--out', 'report']
    const { status, stdout, stderr } = await anomaly(...args)
    expect(stderr).toContain("machines: anomaly = state 'hot' (the rarer class): 12 of 72 rows")
    expect(status).toBe(0)
    const output = JSON.parse(stdout)
    expect(Object.keys(output)).toEqual(['rows'])
    expect(output.rows.length).toBe(8)
    for (const row of output.rows) {
      expect(Object.keys(row)).toEqual([
        'dataset',
        'detector',
        'seed',
        'auroc',
        'aupr',
        'fpr95',
        'f1',
        'n',
        'anomalies',
        'seconds',
      ])
      // 36 of the 60 normal rows are trained on; the circles are far apart.
      expect(row).toMatchObject({ dataset: 'machines', auroc: 1, aupr: 1, fpr95: 0, f1: 1, n: 36, anomalies: 12 })
    }
    expect(output.rows.map(({ detector, seed }: { detector: string; seed: number }) => `${detector} ${seed}`)).toEqual(
      [41, 42].flatMap((seed) => ['ensemble', 'energy', 'knn', 'mahalanobis'].map((detector) => `${detector} ${seed}`)),
    )
    expect(readdirSync(join(folder, 'report')).sort()).toEqual(['anomaly.html', 'anomaly.json'])
    expect(JSON.parse(readFileSync(join(folder, 'report/anomaly.json'), 'utf8')).rows).toEqual(output.rows)
    expect(readFileSync(join(folder, 'report/anomaly.html'), 'utf8')).toContain('AUROC, one dot per seed')
  })

  it('reads the tables of the package when no file is named', async () => {
    const { status, stdout } = await anomaly('--seeds', '2', '--detectors', 'knn,mahalanobis')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^breast_cancer +knn +0\.9\d\d ± 0\.0\d\d/m)
    expect(stdout).toMatch(/^wine +mahalanobis +0\.9/m)
    expect(stdout).toMatch(/^mean of all +knn/m)
  })

  it.each([
    [['machines.csv', '--label', 'stat'], 1, "no column 'stat'; did you mean 'state'?"],
    [['machines.csv'], 1, '--label COLUMN'],
    [['machines.csv', '--label', 'state', '--anomaly', 'hott'], 1, "did you mean 'hot'?"],
    [['nowhere.csv', '--label', 'state'], 1, 'ERR_LANGEVIN_IO'],
    [['--label', 'state'], 1, 'name the file'],
    [['machines.csv', '--label', 'state', '--out', 'machines.csv/no'], 1, 'ERR_LANGEVIN_IO'],
    [['machines.csv', '--detectors', 'knm'], 2, 'knn'],
    [['machines.csv', '--seeds', '0'], 2, 'at least 1'],
    [['machines.csv', '--sedes', '3'], 2, '--seeds'],
  ])('%j fails with exit %i', async (args, code, hint) => {
    const { status, stdout, stderr } = await anomaly(...args)
    expect(stderr).toContain(hint)
    expect(status).toBe(code)
    expect(stdout).toBe('')
  })

  it('keeps the finished rows when it is interrupted: exit 130', async () => {
    const args = ['machines.csv', '--label', 'state', '--detectors', 'knn,energy', '--steps', '10000000', '--json']
    const { child, outcome } = start(folder, ['anomaly', ...args])
    // The first words come when the file was read; the nearest neighbours take milliseconds.
    child.stderr!.once('data', () => setTimeout(() => child.kill('SIGINT'), 2500))
    const { status, stdout, stderr } = await outcome
    expect(stderr).toContain('interrupted: 1 finished rows were kept')
    expect(status).toBe(130)
    expect(JSON.parse(stdout).rows.map(({ detector }: { detector: string }) => detector)).toEqual(['knn'])
  })
})
