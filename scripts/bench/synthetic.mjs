#!/usr/bin/env node
// Synthetic tables: judges learn from drawn rows and are tested on real ones, with SMOTE and the real rows beside.
//
//   node scripts/bench/synthetic.mjs --data FOLDER [--sets churn,bank,cardio,adult] [--methods langevin,smote] [--seeds 1]
//                                    [--fit '{"steps":3000}'] [--draw '{"rounds":200}'] [--rows N] [--judges boosting,logistic] [--threads 1] [--out FILE]
//
// FOLDER holds adult/adult.data, adult/adult.test, bank/bank-full.csv, cardio/cardio_train.csv and churn/Churn_Modelling.csv. Of adult the
// test file is tested on, of bank a tenth, of the others a fifth (random rows, seed 1). As many rows are drawn as are trained on, at most N. The judge
// 'boosting' needs a Python with scikit-learn, as SMOTE does. Writes a dated JSON file where --out asks for one; needs dist/.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../setup/arguments.mjs'
import { machine } from './lib/machine.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const ADULT =
  'age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,capital-gain,capital-loss,hours-per-week,native-country,income'

/** Files, the label, columns that are left out, and the share of rows that is tested on. */
export const SETS = {
  adult: { train: 'adult/adult.data', test: 'adult/adult.test', label: 'income', ignore: [], header: ADULT },
  bank: { train: 'bank/bank-full.csv', label: 'y', ignore: [], share: 0.1 },
  cardio: { train: 'cardio/cardio_train.csv', label: 'cardio', ignore: ['id'], share: 0.2 },
  churn: {
    train: 'churn/Churn_Modelling.csv',
    label: 'Exited',
    ignore: ['RowNumber', 'CustomerId', 'Surname'],
    share: 0.2,
  },
}

function python() {
  const own = join(process.env.LANGEVIN_CACHE ?? join(root, '.langevin'), 'venv', 'bin', 'python')
  return existsSync(own) ? own : 'python3'
}

/** adult.data and adult.test have no header, and points behind the labels of the latter. */
function withHeader(path, header) {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim().replace(/\.$/, ''))
  return `${[header, ...lines.filter((line) => line !== '' && !line.startsWith('|'))].join('\n')}\n`
}

/** The rows to train on and those to test on. */
export async function tablesOf(L, folder, name) {
  const { train, test, ignore, header, share } = SETS[name]
  const temporary = mkdtempSync(join(tmpdir(), 'langevin-synthetic-'))
  try {
    const columns = Object.fromEntries(ignore.map((column) => [column, 'ignore']))
    const read = async (file) => {
      let path = join(folder, file)
      if (header !== undefined) {
        const text = withHeader(path, header)
        path = join(temporary, 'table.csv')
        writeFileSync(path, text)
      }
      return await L.data.csv(path, { missing: 'keep', columns })
    }
    const table = await read(train)
    if (test !== undefined) return [table, await read(test)]
    return table.split({ fractions: [1 - share, share], seed: 1 })
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/** Rows by SMOTE, as a table with the same columns. */
function smote(parts, schema, label, table, count, seed) {
  const { features, data } = parts
  const { columns, rows, x, y } = features.featuresOf(schema, table, label)
  const width = columns.length
  const numbers = columns.map(({ levels }) => levels === 0)
  // A missing cell is a level of its own, a missing number the mean.
  const means = columns.map((_, k) => {
    const some = Array.from({ length: rows }, (_, i) => x[i * width + k]).filter((value) => !Number.isNaN(value))
    return some.reduce((sum, value) => sum + value / some.length, 0)
  })
  const cell = (value, k) => (Number.isNaN(value) ? (numbers[k] ? means[k] : columns[k].levels) : value)
  const request = {
    x: Array.from({ length: rows }, (_, i) => columns.map((_, k) => cell(x[i * width + k], k))),
    y: [...y],
    numbers,
    rows: count,
    seed,
  }
  const { stdout, stderr, status } = spawnSync(python(), [join(root, 'scripts/bench/peers/smote.py')], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  })
  if (status !== 0) throw new Error(`smote.py failed:\n${stderr}`)
  const made = JSON.parse(stdout)
  const find = (name) => schema.columns.find((column) => column.name === name)
  const back = (name, value) => {
    const column = find(name)
    if (column.kind === 'numeric') return column.decimals === undefined ? value : Number(value.toFixed(column.decimals))
    return column.levels[value] ?? schema.missingMarks[0]
  }
  return data.fromRows(
    made.x.map((row, i) => ({
      ...Object.fromEntries(columns.map(({ name }, k) => [name, back(name, row[k])])),
      [label]: back(label, made.y[i]),
    })),
  )
}

const METHODS = {
  /** Fitted and drawn by this package. */
  async langevin({ tables, schema, train, options, seed }) {
    const form = { delimiter: ',', header: true, missing: '', decimal: '.' }
    const began = performance.now()
    const { model } = await tables.fitTable(train, { schema, form, ...options.fit, seed, threads: options.threads })
    const fitted = performance.now()
    const how = { seed, threads: options.threads, ...options.draw }
    const { table, diagnostics } = await tables.drawTable(model, Math.min(train.length, options.rows), how)
    const drawn = performance.now()
    const fitSeconds = (fitted - began) / 1000
    const known = {
      fitSeconds,
      drawSeconds: (drawn - fitted) / 1000,
      rhat: diagnostics.rhat,
      ess: diagnostics.ess.bulk,
    }
    return { table, known, model }
  },
  async smote({ parts, schema, train, label, options, seed }) {
    return { table: smote(parts, schema, label, train, Math.min(train.length, options.rows), seed), known: {} }
  },
}

async function measure(context, method) {
  const { tables, schema, train, test, label, options, seed } = context
  const { table, known, model } = await METHODS[method](context)
  const judges = options.judges
  const result = await tables.compareTables(train, table, {
    schema,
    heldOut: test,
    label,
    judges,
    seed,
    threads: options.threads,
  })
  const { similarity, control, privacy, judgement } = result
  let classified = {}
  if (model !== undefined) {
    const own = model.with({ missing: ['own-level', 'mean', 'mode'], unseen: 'mode', range: 'clamp' })
    const { probabilities, truth } = await tables.classifyTable(own, test, label)
    const { accuracy, ece, nll } = tables.accuracyOf(probabilities, [...truth])
    const auroc = context.L.metrics.auroc(
      probabilities.map((p) => p[1]),
      [...truth],
      { positive: 'ood' },
    )
    classified = { classified: { auroc, accuracy, ece, nll } }
    model.dispose()
  }
  const verdicts = judgement.verdicts.map(({ judge, learnedFrom, auroc, accuracy, f1 }) => ({
    judge,
    learnedFrom,
    auroc,
    accuracy,
    f1,
  }))
  return {
    seed,
    ...known,
    ...classified,
    shapes: similarity.shapes,
    trends: similarity.trends,
    control: { shapes: control.shapes, trends: control.trends },
    privacy,
    verdicts,
    notes: judgement.notes,
  }
}

async function main() {
  const options = {
    data: {},
    sets: { default: 'churn,bank,cardio,adult' },
    methods: { default: 'langevin,smote' },
    seeds: { default: '1' },
    fit: { default: '{}' },
    draw: { default: '{}' },
    rows: { default: '' },
    judges: { default: 'boosting,logistic' },
    threads: { default: '1' },
    out: {},
  }
  for (const each of Object.values(options)) each.type = 'string'
  const { values } = commandLine(import.meta.url, { options })
  if (values.data === undefined) throw new Error('--data: name the folder of the tables')
  const L = await import(join(root, 'dist/index.js'))
  const tables = await import(join(root, 'dist/tables/index.js'))
  const parts = { features: await import(join(root, 'dist/tables/features.js')), data: L.data }
  const settings = {
    fit: JSON.parse(values.fit),
    draw: JSON.parse(values.draw),
    rows: values.rows === '' ? Number.POSITIVE_INFINITY : Number(values.rows),
    judges: values.judges.split(','),
    threads: Number(values.threads),
  }
  const load = loadavg()
  const rows = []
  for (const name of values.sets.split(',')) {
    const [train, test] = await tablesOf(L, values.data, name)
    const { label } = SETS[name]
    const columns = { [label]: 'binary' }
    const { schema } = L.data.schema(train, {
      columns,
      missing: ['own-level', 'mode', 'mean'],
      unseen: 'mode',
      range: 'clamp',
    })
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      for (const method of values.methods.split(',')) {
        const context = { L, tables, parts, schema, train, test, label, options: settings, seed }
        const row = { set: name, method, rows: train.length, tested: test.length, ...(await measure(context, method)) }
        rows.push(row)
        const { privacy, control, ...shown } = row
        console.log(JSON.stringify({ ...shown, copied: privacy.synthetic.copied, nearerToReal: privacy.nearerToReal }))
      }
    }
  }
  if (values.out === undefined) return
  const date = new Date().toISOString().slice(0, 10)
  const asked = ['sets', 'methods', 'seeds', 'fit', 'draw', 'rows', 'judges', 'threads'].map(
    (key) => `--${key} '${values[key]}'`,
  )
  const command = `node scripts/bench/synthetic.mjs --data FOLDER ${asked.join(' ')}`
  writeFileSync(
    values.out,
    `${JSON.stringify({ date, command, machine: machine(), load: { before: load, after: loadavg() }, rows }, null, 1)}\n`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
