/** `langevin anomaly fit` and `score`, run as commands: one file from the rows of a table to the rows that are flagged. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as ood from '../../src/ood/index.js'
import { start, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('cli-detector')
const anomaly = (...args: string[]) => start(folder, ['anomaly', ...args]).outcome

// Speed and heat of machines that run well lie on an ellipse in unlike units; hot ones lie outside.
const machine = (i: number, radius: number) => [1000 + 100 * radius * Math.cos(i * 1.3), radius * Math.sin(i * 1.3)]
const table = (head: string, lines: (string | number)[][]) =>
  `${[head, ...lines.map((line) => line.join(','))].join('\n')}\n`
const rows = Array.from({ length: 200 }, (_, i) => {
  const hot = i % 20 === 3
  return [`m${i}`, ...machine(i, hot ? 6 : 1 + 0.1 * Math.sin(i * 7.7)), hot ? 'hot' : 'ok']
})
writeFileSync(join(folder, 'machines.csv'), table('id,speed,heat,state', rows))
// The same columns the other way round.
const fresh = [machine(5, 1), machine(8, 6), machine(9, 1.05)].map(([speed, heat]) => [heat!, speed!])
writeFileSync(join(folder, 'new.csv'), table('heat,speed', fresh))
const FIT = ['fit', 'machines.csv', '--label', 'state', '--normal', 'ok', '--ignore', 'id', '--steps', '60']

describe('langevin anomaly fit and score', () => {
  it('write and use one file, which the library reads too', async () => {
    const fitted = await anomaly(...FIT, '--out', 'made/here/detector.safetensors', '--json')
    expect(fitted.stderr).toContain("anomaly = state 'hot' (all but the normal ones): 10 of 200 rows")
    expect(fitted.status).toBe(0)
    const told = JSON.parse(fitted.stdout)
    expect(told).toMatchObject({ kind: 'energyLadder', columns: ['speed', 'heat'], rows: 152, heldOut: 38 })
    expect(told.thresholds.map(({ fpr }: { fpr: number }) => fpr)).toEqual([0.1, 0.05])

    const scored = await anomaly('score', 'made/here/detector.safetensors', 'new.csv', '--fpr', '0.05', '--json')
    expect(scored.status).toBe(0)
    expect(scored.stderr).toContain('1 of 3 rows score above')
    const { threshold, rows: found } = JSON.parse(scored.stdout)
    expect(threshold).toBe(told.thresholds[1].threshold)
    expect(found.map(({ anomaly: flag }: { anomaly: boolean }) => flag)).toEqual([false, true, false])

    // Columns by name, whatever their order: the numbers are those of the library for rows in the order of training.
    await using detector = await ood.load(join(folder, 'made/here/detector.safetensors'))
    const values = (await detector.scores(fresh.map(([heat, speed]) => [speed!, heat!]))).toArray() as number[]
    expect(found.map(({ score }: { score: number }) => score)).toEqual(values)
    expect(found.map(({ pValue }: { pValue: number }) => pValue)).toEqual(values.map((score) => detector.pValue(score)))

    const text = await anomaly('score', 'made/here/detector.safetensors', 'new.csv', '--threshold', '-1e9')
    const lines = text.stdout.trim().split('\n')
    expect(lines[0]).toBe('row,score,p_value,anomaly')
    expect(lines.slice(1).map((line) => line.split(','))).toEqual(
      values.map((score, k) => [String(k + 1), String(score), String(detector.pValue(score)), '1']),
    )
  })

  it('take texts and missing cells with --schema, and score them', async () => {
    // Cooks earn about 20 and smiths about 40; odd rows have the pay of the other job.
    const person = (i: number) => {
      const odd = i % 25 === 7
      const smith = (i * 7) % 11 < 5
      const pay = (smith !== odd ? 40 : 20) + 3 * Math.sin(i * 5.1)
      return [i, smith ? 'smith' : 'cook', i % 17 === 0 ? '' : pay.toFixed(1), odd ? 'odd' : 'ok']
    }
    const head = 'id,job,pay,state'
    writeFileSync(
      join(folder, 'people.csv'),
      table(
        head,
        Array.from({ length: 500 }, (_, i) => person(i)),
      ),
    )
    const refused = await anomaly(
      'fit',
      'people.csv',
      '--label',
      'state',
      '--ignore',
      'id',
      '--out',
      'people.safetensors',
    )
    expect(refused.status).toBe(1)
    const how = [
      '--label',
      'state',
      '--ignore',
      'id',
      '--schema',
      'auto',
      '--detector',
      'knn',
      '--out',
      'people.safetensors',
    ]
    const fitted = await anomaly('fit', 'people.csv', ...how)
    expect(fitted.stderr).toContain("column 'job' is binary ('cook', 'smith')")
    expect(fitted.status, fitted.stderr).toBe(0)
    writeFileSync(join(folder, 'asked.csv'), 'pay,job\n40,cook\n20.5,cook\n39,smith\n,smith\n')
    const scored = await anomaly('score', 'people.safetensors', 'asked.csv', '--fpr', '0.05', '--json')
    expect(scored.status, scored.stderr).toBe(0)
    const flags = JSON.parse(scored.stdout).rows.map(({ anomaly: flag }: { anomaly: boolean }) => flag)
    expect(flags).toEqual([true, false, false, false])
    const compared = await anomaly(
      'compare',
      'people.csv',
      '--label',
      'state',
      '--ignore',
      'id',
      '--schema',
      'auto',
      '--detectors',
      'knn',
      '--seeds',
      '1',
      '--json',
    )
    expect(compared.status, compared.stderr).toBe(0)
    // A sixth of the odd rows have no pay, and look like others: 0.5 of their AUROC at best.
    expect(JSON.parse(compared.stdout).rows[0].auroc).toBeGreaterThan(0.85)
    // Without it a text is refused with the way to take it.
    expect(refused.stderr).toMatch(/--schema auto|missing/)
  }, 60_000)

  it('fit the same file with the same seed', async () => {
    const make = async (out: string, seed: string) => {
      await anomaly(...FIT, '--out', out, '--seed', seed)
      return readFileSync(join(folder, out))
    }
    const one = await make('one.safetensors', '4')
    expect(one.equals(await make('two.safetensors', '4'))).toBe(true)
    expect(one.equals(await make('three.safetensors', '5'))).toBe(false)
  })

  it.each([
    [['fit', 'machines.csv', '--out', 'x.st'], 1, "columns 'id' ('m0', row 1), 'state' ('ok', row 1) contain text"],
    [['fit', 'machines.csv', '--out', 'x.st'], 1, '--ignore id,state'],
    [['fit', 'machines.csv', '--ignore', 'idd', '--out', 'x.st'], 1, "no column 'idd'"],
    [['fit', 'machines.csv', '--columns', 'sped', '--out', 'x.st'], 1, "no column 'sped'"],
    [
      ['fit', 'machines.csv', '--columns', 'speed', '--ignore', 'id', '--out', 'x.st'],
      1,
      'either --columns or --ignore',
    ],
    [['fit', 'machines.csv', '--columns', 'speed', '--normal', 'ok', '--out', 'x.st'], 1, '--label'],
    [['fit', 'machines.csv', '--columns', 'speed', '--detector', 'knn', '--steps', '3', '--out', 'x.st'], 1, '--steps'],
    [['fit', 'machines.csv', '--columns', 'speed', '--held-out', '1', '--out', 'x.st'], 2, 'share between 0 and 1'],
    [['fit', 'machines.csv'], 2, '--out'],
    [['score', 'detector.safetensors', 'machines.csv', '--ignore', 'id'], 1, '--ignore state'],
    [['score', 'detector.safetensors', 'machines.csv', '--ignore', 'id,state,heat'], 1, "there is no 'heat'"],
    [['score', 'detector.safetensors', 'wide.csv'], 1, "'load' is not among them"],
    [['score', 'detector.safetensors', 'new.csv', '--fpr', '0.0001'], 1, 'needs at least 9999'],
    [
      ['score', 'detector.safetensors', 'new.csv', '--fpr', '0.1', '--threshold', '1'],
      1,
      'either --fpr or --threshold',
    ],
    [['score', 'new.csv', 'new.csv'], 1, 'ERR_LANGEVIN_FORMAT'],
    [['score', 'nowhere.safetensors', 'new.csv'], 1, 'ERR_LANGEVIN_IO'],
  ])('%j fails with exit %i', async (args, code, hint) => {
    await detectorFile()
    writeFileSync(
      join(folder, 'wide.csv'),
      table(
        'heat,speed,load',
        fresh.map((line) => [...line, 1]),
      ),
    )
    const { status, stdout, stderr } = await anomaly(...args)
    expect(stderr).toContain(hint)
    expect(status).toBe(code)
    expect(stdout).toBe('')
  })
})

let written: Promise<unknown> | undefined
/** A detector of speed and heat, fitted once. */
async function detectorFile(): Promise<void> {
  written ??= anomaly(
    'fit',
    'machines.csv',
    '--ignore',
    'id,state',
    '--detector',
    'mahalanobis',
    '--out',
    'detector.safetensors',
  )
  await written
}
