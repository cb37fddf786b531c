#!/usr/bin/env node
// Binary images by energy discrepancy: MNIST at a threshold of 127, a multilayer perceptron on top of the law of independent bits
// with the means of the training rows, trained with single flips (`grid`) and with Bernoulli flips. The negative log-likelihood of
// the 10,000 test rows lies between two bounds: annealed importance sampling from the independent bits up to the model, and from
// rows of the model down to the bits, by moves of gibbsWithGradients.
//
//   node scripts/bench/binary-mnist.mjs --data FOLDER [--perturbations grid,bernoulli] [--steps 4000] [--temperatures 6000]
//                                       [--chains 100] [--out FILE]
//
// FOLDER holds the four gzip files of MNIST. One thread. Writes a dated JSON file and prints a line per run. Needs dist/.
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../setup/arguments.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const HIDDEN = [256, 256]
const BATCH = 100
const NEGATIVES = 8
const DIMENSION = 784

/** Bits of images of bytes. */
async function bitsOf(L, file) {
  const { x } = await readColumns(L, file)
  return L.tensor(
    Float32Array.from(x.toTypedArray(), (byte) => Number(byte > 127)),
    [x.shape[0], DIMENSION],
  )
}
const readColumns = async (L, file) => ({ x: (await L.data.idx(file)).column('x') })

/** The mean of every pixel, brought inside (0, 1). */
function meansOf(rows) {
  const sum = new Float64Array(DIMENSION)
  const values = rows.toTypedArray()
  for (let i = 0; i < values.length; i++) sum[i % DIMENSION] += values[i]
  return Array.from(sum, (total) => (0.98 * total) / rows.shape[0] + 0.01)
}

/** Negative log-likelihood of rows under the independent bits alone, in nats. */
function independent(p, rows) {
  const values = rows.toTypedArray()
  let sum = 0
  for (let i = 0; i < values.length; i++) sum -= Math.log(values[i] > 0.5 ? p[i % DIMENSION] : 1 - p[i % DIMENSION])
  return sum / rows.shape[0]
}

async function meanEnergy(model, rows) {
  const energy = await model.energy(rows, { threads: 1 })
  return energy.toTypedArray().reduce((sum, e) => sum + e / rows.shape[0], 0)
}

function perturbationOf(L, name) {
  if (name === 'grid') return L.perturbations.neighbourhood()
  if (name === 'bernoulli') return L.perturbations.bernoulli({ epsilon: 0.005 })
  throw new Error(`--perturbations: unknown '${name}'; known: grid, bernoulli`)
}

async function runOne(L, name, { train, test, p }, { steps, temperatures, chains }) {
  const spec = L.energies.mlp({ input: DIMENSION, hidden: HIDDEN, states: 'binary', bernoulliBase: p })
  const objective = L.objectives.energyDiscrepancy({ perturbation: perturbationOf(L, name), negatives: NEGATIVES })
  const optimizer = L.optimizers.adam({ lr: L.schedules.cosine({ from: 1e-3, to: 1e-5 }) })
  const model = await L.Energy.create(spec, { seed: 1 })
  const options = { objective, optimizer, steps, batchSize: BATCH, ema: 0.999, clipNorm: 5, seed: 1, threads: 1 }
  const { seconds } = await L.train(model, train, options).done
  // Rows of the model: chains that start at rows of the data and take as many moves as there are temperatures.
  const moves = L.samplers.gibbsWithGradients({ steps: temperatures })
  const drawn = await L.sample(model, { sampler: moves, init: train.slice(0, chains), seed: 2, threads: 1 }).done
  const annealed = await L.partition.ais(model, {
    transition: 'gibbsWithGradients',
    mean: p,
    temperatures,
    chains,
    samples: drawn.samples,
    seed: 3,
    threads: 1,
  })
  const [ofTest, ofTrain] = [await meanEnergy(model, test), await meanEnergy(model, train.slice(0, test.shape[0]))]
  const nll = (logZ) => ofTest + logZ
  const row = {
    perturbation: name,
    trainSeconds: seconds,
    meanEnergy: { test: ofTest, train: ofTrain, drawn: await meanEnergy(model, drawn.samples) },
    logZ: { forward: annealed.forward, reverse: annealed.reverse, acceptance: annealed.acceptance },
    nll: { forward: nll(annealed.forward.logZ), reverse: nll(annealed.reverse.logZ), bridge: nll(annealed.logZ) },
    sampling: { acceptance: drawn.diagnostics.acceptance, rhatOfEnergy: drawn.diagnostics.energy.rhat },
  }
  model.dispose()
  return { row, settings: { objective, optimizer, steps, batchSize: BATCH, ema: 0.999, clipNorm: 5 } }
}

async function main() {
  const options = {
    data: {},
    perturbations: { default: 'grid,bernoulli' },
    steps: { default: '4000' },
    temperatures: { default: '6000' },
    chains: { default: '100' },
    out: {},
  }
  for (const each of Object.values(options)) each.type = 'string'
  const { values } = commandLine(import.meta.url, { options })
  if (values.data === undefined) throw new Error('--data: name the folder of the four files of MNIST')
  const L = await import(join(root, 'dist/index.js'))
  const [steps, temperatures, chains] = [values.steps, values.temperatures, values.chains].map(Number)
  const train = await bitsOf(L, join(values.data, 'train-images-idx3-ubyte.gz'))
  const test = await bitsOf(L, join(values.data, 't10k-images-idx3-ubyte.gz'))
  const p = meansOf(train)
  const rows = []
  const settings = {}
  const names = values.perturbations.split(',')
  for (const name of names) {
    const done = await runOne(L, name, { train, test, p }, { steps, temperatures, chains })
    rows.push(done.row)
    settings[name] = done.settings
    console.log(JSON.stringify(done.row))
  }
  const date = new Date().toISOString().slice(0, 10)
  const machine = { processor: cpus()[0].model, cores: cpus().length, memory: totalmem() }
  const baseline = { independentBits: independent(p, test) }
  const out = values.out ?? join(root, `scripts/bench/results/binary-mnist-${names.join('-')}-${date}.json`)
  const kept = { date, machine, hidden: HIDDEN, temperatures, chains, settings, baseline, rows }
  writeFileSync(out, `${JSON.stringify(kept, null, 1)}\n`)
  console.log(JSON.stringify(baseline))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
