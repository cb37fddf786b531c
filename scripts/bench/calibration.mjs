#!/usr/bin/env node
// Calibration of a classifier on the census table "adult": the same network trained by cross-entropy alone and with the energy
// discrepancy of E(x) beside it, 5 seeds, accuracy and expected calibration error (15 bins) on the 16,281 test rows; beside them
// logistic regression on the same rows.
//
//   node scripts/bench/calibration.mjs --data FOLDER [--seeds 5] [--steps 10000] [--out FILE]
//
// FOLDER holds adult.data and adult.test as UCI has them. Writes a dated JSON file, prints a line per run, and exits 1 where the mean
// error with the discrepancy is not lower, or the mean accuracy is lower by more than half a percent. Needs dist/ (npm run build:ts).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../setup/arguments.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const HIDDEN = [128, 128]
const BATCH = 256
const NAMES =
  'age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,capital-gain,capital-loss,hours-per-week,native-country,income'
/** How much lower the accuracy may be. */
const MARGIN = 0.005

const mean = (values) => values.reduce((sum, value) => sum + value / values.length, 0)

/** Means of both, and whether the bounds are met. */
export function judge(rows) {
  const of = (name, key) => mean(rows.filter((row) => row.objective === name).map((row) => row[key]))
  const names = ['crossEntropy', 'crossEntropy with discrepancy']
  const [alone, both] = names.map((name) => ({
    accuracy: of(name, 'accuracy'),
    ece: of(name, 'ece'),
    nll: of(name, 'nll'),
  }))
  return { alone, both, met: both.ece < alone.ece && both.accuracy >= alone.accuracy - MARGIN }
}

/** adult.data and adult.test with a header, and without the points behind the labels of the latter. */
function csvOf(path) {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim().replace(/\.$/, ''))
  return `${[NAMES, ...lines.filter((line) => line !== '' && !line.startsWith('|'))].join('\n')}\n`
}

async function tablesOf(data, folder) {
  const temporary = mkdtempSync(join(tmpdir(), 'langevin-adult-'))
  try {
    const read = async (name) => {
      const path = join(temporary, `${name}.csv`)
      writeFileSync(path, csvOf(join(folder, name)))
      return await data.csv(path, { missing: 'keep', label: 'income' })
    }
    return [await read('adult.data'), await read('adult.test')]
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/** Logistic regression (C = 1) on standardised numbers and one-hot levels. */
async function logisticOn(schema, train, test) {
  const tables = await import(join(root, 'dist/tables/index.js'))
  const { schema: target } = (await import(join(root, 'dist/index.js'))).data.schema(
    train.drop(schema.columns.map(({ name }) => name)),
  )
  const whole = { ...schema, columns: [...schema.columns, ...target.columns] }
  const [learned, asked] = [train, test].map((table) => tables.featuresOf(whole, table, 'income'))
  const { accuracy, auroc, ece, nll } = tables.accuracyOf(await tables.logisticRegression(learned, asked), [...asked.y])
  return { accuracy, auroc, ece, nll }
}

async function main() {
  const options = { data: {}, seeds: { default: '5' }, steps: { default: '10000' }, out: {} }
  for (const each of Object.values(options)) each.type = 'string'
  const { values } = commandLine(import.meta.url, { options })
  if (values.data === undefined) throw new Error('--data: name the folder of adult.data and adult.test')
  const L = await import(join(root, 'dist/index.js'))
  const [train, test] = await tablesOf(L.data, values.data)
  const steps = Number(values.steps)
  const { schema } = L.data.schema(train.drop(['income']), {
    missing: ['own-level', 'mode'],
    range: 'clamp',
    unseen: 'mode',
  })
  const [x, y] = [L.data.encode(train.drop(['income']), schema).rows, train.labels()]
  const [asked, truth] = [L.data.encode(test.drop(['income']), schema).rows, test.labels()]
  const { input, states } = L.energies.mixed({ columns: schema, hidden: [] })
  const spec = L.energies.classifier({ input, classes: 2, hidden: HIDDEN, states })
  const perturbation = L.perturbations.structured({ sd: 0.3, t: 0.5, tBase: 0.02 })
  const discrepancy = L.objectives.energyDiscrepancy({ perturbation, negatives: 4 })
  const optimizer = L.optimizers.adam({ lr: L.schedules.cosine({ from: 1e-3, to: 0 }) })
  const rows = []
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    for (const [name, objective] of [
      ['crossEntropy', L.objectives.crossEntropy()],
      ['crossEntropy with discrepancy', L.objectives.crossEntropy({ discrepancy })],
    ]) {
      const model = await L.Energy.create(spec, { seed })
      await L.train(model, { x, y }, { objective, optimizer, steps, batchSize: BATCH, clipNorm: 5, seed }).done
      const logits = await model.logits(asked)
      const classes = truth.toArray().map(Number)
      const right = logits.toArray().filter(([a, b], i) => Number(b > a) === classes[i]).length
      const row = { seed, objective: name, accuracy: right / classes.length }
      for (const key of ['ece', 'nll']) row[key] = L.metrics[key](logits, truth, { from: 'logits' })
      rows.push(row)
      console.log(JSON.stringify(row))
      model.dispose()
    }
  }
  const verdict = { ...judge(rows), logistic: await logisticOn(schema, train, test) }
  const date = new Date().toISOString().slice(0, 10)
  const settings = { hidden: HIDDEN, batchSize: BATCH, steps, objective: discrepancy, optimizer }
  const machine = { cpu: cpus()[0].model, threads: cpus().length, memory: totalmem() }
  const out = values.out ?? join(root, `scripts/bench/results/calibration-${date}.json`)
  writeFileSync(out, `${JSON.stringify({ date, machine, settings, rows, verdict })}\n`)
  console.log(JSON.stringify(verdict))
  if (!verdict.met) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
