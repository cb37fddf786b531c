#!/usr/bin/env node
// A joint energy model beside a plain classifier on the digits of 8 x 8 pixels (UCI; scikit-learn's load_digits): accuracy,
// calibration, and how well energy and largest probability tell other rows: uniform noise, and two digits that were never trained on.
//
//   node scripts/bench/joint-energy-digits.mjs --data digits.csv [--seeds 5] [--first 0] [--steps 1500] [--out FILE]
//
// digits.csv: 64 columns of 0 to 16 and the digit in the last one, with a header. Writes a dated JSON file, prints a line per run, and
// exits 1 where a bound of judge() is not met. Needs dist/ (npm run build:ts).
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
const HIDDEN = [128, 128]
const NOISE = 0.1
/** Digits that no classifier is trained on. */
const HELD_OUT = [8, 9]
const mean = (values) => values.reduce((sum, value) => sum + value / values.length, 0)

/** Means over the seeds by setting, and whether the bounds that were fixed before are met. */
export function judge(rows) {
  const names = [...new Set(rows.map(({ setting }) => setting))]
  // A temperature that could not be fitted, as where every held-out row is right, leaves no number to average.
  const everywhere = (key) => rows.every((row) => typeof row[key] === 'number')
  const keys = Object.keys(rows[0]).filter((key) => key !== 'seed' && everywhere(key))
  const means = Object.fromEntries(
    names.map((name) => {
      const own = rows.filter(({ setting }) => setting === name)
      return [name, Object.fromEntries(keys.map((key) => [key, mean(own.map((row) => row[key]))]))]
    }),
  )
  const [control, joint] = [means['cross-entropy'], means['joint energy']]
  const bounds = {
    'accuracy within 2 points of the control': joint.accuracy >= control.accuracy - 0.02,
    'a lower calibration error': joint.ece < control.ece,
  }
  return { means, bounds, met: Object.values(bounds).every(Boolean) }
}

/** Rows in [-1, 1] with their digits, in the order of a seed. */
function digitsIn(path, seed) {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(1)
  const rows = lines.map((line) => line.split(',').map(Number))
  let state = seed + 1
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    ;[rows[i], rows[j]] = [rows[j], rows[i]]
  }
  return rows.map((row) => ({ x: row.slice(0, 64).map((v) => v / 8 - 1), digit: row[64] }))
}

function settings(L, steps) {
  const { objectives, optimizers, samplers, schedules } = L
  const buffer = { size: 4000, reinit: 0.05, box: { low: -1, high: 1 } }
  const common = {
    steps,
    batchSize: 100,
    ema: 0.999,
    optimizer: optimizers.adam({ lr: schedules.cosine({ from: 1e-3, to: 1e-5 }) }),
  }
  const joint = (sampler) => ({
    ...common,
    penalties: { energy: 0.001 },
    objective: objectives.jointEnergy({ sampler, buffer, density: 0.1 }),
  })
  return {
    'cross-entropy': { ...common, objective: objectives.jointEnergy({ density: 0 }) },
    'joint energy': joint(samplers.langevin({ steps: 20, stepSize: 0.01 })),
    'joint energy, published sampler': joint(
      samplers.langevin({ form: 'heuristic', steps: 20, stepSize: 1, noise: 0.01, clip: 1 }),
    ),
  }
}

async function judgeModel(L, model, held, test, others, seed) {
  const { metrics, detectors, ood, Calibrator, calibrators } = L
  const labels = test.map(({ digit }) => digit)
  const logits = (await model.logits(test.map(({ x }) => x))).toArray()
  const right = logits.filter((f, i) => f.indexOf(Math.max(...f)) === labels[i]).length
  const from = { from: 'logits' }
  const scaled = await Calibrator.fit(
    calibrators.temperature(),
    await model.logits(held.map(({ x }) => x)),
    held.map(({ digit }) => digit),
  ).catch(() => undefined)
  const p = scaled && (await scaled.probabilities(logits))
  const sets = {
    noise: uniformRows(500, seed),
    'other digits': others.map(({ x }) => x),
  }
  const row = {
    accuracy: right / test.length,
    ece: metrics.ece(logits, labels, from),
    nll: metrics.nll(logits, labels, from),
    eceScaled: p === undefined ? null : metrics.ece(p, labels),
  }
  for (const [name, detector] of Object.entries({
    energy: detectors.energy(model),
    maxSoftmax: detectors.maxSoftmax(model),
  })) {
    const found = await ood.evaluate({
      detector,
      inDistribution: test.map(({ x }) => x),
      outOfDistribution: sets,
      protocol: 'openood',
    })
    for (const [set, { auroc }] of Object.entries(found)) row[`${name}, ${set}`] = auroc
  }
  return row
}

function uniformRows(n, seed) {
  let state = 7919 * (seed + 1)
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return (2 * state) / 2147483648 - 1
  }
  return Array.from({ length: n }, () => Array.from({ length: 64 }, next))
}

async function main() {
  const options = { data: {}, seeds: { default: '5' }, first: { default: '0' }, steps: { default: '1500' }, out: {} }
  for (const each of Object.values(options)) each.type = 'string'
  const { values } = parseArgs({ options })
  if (values.data === undefined) throw new Error('--data: name digits.csv')
  const L = await import(join(root, 'dist/index.js'))
  const steps = Number(values.steps)
  const rows = []
  for (let seed = Number(values.first); seed < Number(values.first) + Number(values.seeds); seed++) {
    const all = digitsIn(values.data, seed)
    const own = all.filter(({ digit }) => !HELD_OUT.includes(digit))
    const others = all.filter(({ digit }) => HELD_OUT.includes(digit))
    const cut = Math.round(0.7 * own.length)
    const [train, held, test] = [own.slice(0, cut), own.slice(cut, cut + 100), own.slice(cut + 100)]
    for (const [setting, how] of Object.entries(settings(L, steps))) {
      const spec = L.energies.classifier({ input: 64, classes: 8, hidden: HIDDEN, activation: 'silu' })
      const model = await L.Energy.create(spec, { seed })
      const x = L.data.rows(L.tensor(train.map((row) => row.x)), { augment: { noise: NOISE } })
      const y = L.tensor(BigInt64Array.from(train, ({ digit }) => BigInt(digit)))
      const started = performance.now()
      await L.train(model, { x, y }, { ...how, seed }).done
      const seconds = (performance.now() - started) / 1000
      const row = { setting, seed, ...(await judgeModel(L, model, held, test, others, seed)), seconds }
      rows.push(row)
      console.log(JSON.stringify(row))
      model.dispose()
    }
  }
  const verdict = judge(rows)
  const date = new Date().toISOString().slice(0, 10)
  const machine = { cpu: cpus()[0].model, threads: cpus().length, memory: totalmem() }
  const out = values.out ?? join(root, `scripts/bench/results/joint-energy-digits-${date}.json`)
  const about = { hidden: HIDDEN, noise: NOISE, heldOut: HELD_OUT, ...settings(L, steps) }
  writeFileSync(out, `${JSON.stringify({ date, machine, settings: about, rows, verdict })}\n`)
  console.log(JSON.stringify(verdict, null, 1))
  process.exitCode = verdict.met ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
