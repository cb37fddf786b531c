#!/usr/bin/env node
// Trains both sides, langevin and plain PyTorch (scripts/reference/objectives.py), from the same weights, data, batches and noise,
// and prints a table: largest relative difference of the loss over the steps, final losses, steps per second side by side.
//
//   npm run reference -- [--steps 100] [--json]
//
// The noise is what langevin's counter-based generator draws for each step. Exits 1 when a difference exceeds its bound.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  data,
  Energy,
  energies,
  noises,
  objectives,
  optimizers,
  samplers,
  schedules,
  tensor,
  train,
} from '../dist/index.js'
import { invoke, invokeNow } from '../dist/runtime/index.js'
import { commandLine } from './setup/arguments.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const BOUND = { float32: 1e-5, float64: 1e-10 }
/** Streams of the random numbers, as native/core/tensors/random.hpp numbers them. */
const STREAM = { noise: 2, noiseSample: 8, corrupt: 9 }
const BATCH = 256
const SEED = 11

const { values } = commandLine(import.meta.url, {
  options: { steps: { type: 'string', default: '100' }, json: { type: 'boolean', default: false } },
})
const steps = Number(values.steps)

function random(rows, columns, step, stream) {
  held.push(invokeNow('random', { kind: 'normal', rows, columns, seed: SEED, step, stream }))
  return held.at(-1).toArray()
}
const held = []

const STEPS_OF_CD = 5
const cases = [
  {
    name: 'contrastiveDivergence, 5 Langevin steps',
    objective: objectives.contrastiveDivergence({ sampler: samplers.langevin({ steps: STEPS_OF_CD, stepSize: 0.01 }) }),
    noise: (s) => Array.from({ length: STEPS_OF_CD }, (_, k) => random(BATCH, 2, s * STEPS_OF_CD + k, STREAM.noise)),
  },
  {
    name: 'noiseContrastive, Gaussian noise, ratio 2',
    objective: objectives.noiseContrastive({ noise: noises.gaussian({ sd: 1.5 }), ratio: 2 }),
    noise: (s) => random(2 * BATCH, 2, s, STREAM.noiseSample),
  },
  {
    name: 'denoisingScoreMatching, sigma 0.5',
    objective: objectives.denoisingScoreMatching({ sigma: 0.5 }),
    noise: (s) => random(BATCH, 2, s, STREAM.corrupt),
  },
]

function python() {
  const own = join(process.env.LANGEVIN_CACHE ?? join(root, '.langevin'), 'venv', 'bin', 'python')
  return process.env.LIBTORCH_USE_PYTORCH !== '1' && existsSync(own) ? own : 'python3'
}

function reference(request) {
  const result = spawnSync(python(), [join(root, 'scripts/reference/objectives.py')], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
  })
  if (result.status !== 0) throw new Error(`the reference failed:\n${result.stderr || result.error}`)
  return JSON.parse(result.stdout)
}

const spec = energies.mlp({ input: 2, hidden: [64, 64], gaussianBase: 2 })
const options = {
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 2e-3, to: 1e-4 }) }),
  steps,
  batchSize: BATCH,
  seed: SEED,
  historyPoints: steps,
  threads: 1,
}
const rows = data.toys.moons({ n: 2048, seed: 3 }).toTensor().toArray()
const batches = (await invoke('training.batches', { rows: rows.length, batchSize: BATCH, seed: SEED, steps })).toArray()

const table = []
for (const { name, objective, noise } of cases) {
  for (const dtype of ['float32', 'float64']) {
    console.error(`${name}, ${dtype}`)
    const model = await Energy.create(spec, { seed: 4, dtype })
    const parameters = Object.fromEntries(
      Object.entries(await model.parameters()).map(([key, value]) => [key, value.toArray()]),
    )
    const numbers = Array.from({ length: steps }, (_, s) => noise(s))
    const run = await train(model, tensor(rows, undefined, dtype), { objective, ...options }).done
    const ours = run.history.map((point) => point.loss)
    const theirs = reference({
      runs: [
        {
          energy: { spec, dtype, parameters },
          objective,
          optimizer: options.optimizer,
          x: rows,
          batches,
          noise: numbers,
          logZ: run.statistics.logZStart ?? 0,
        },
      ],
    }).runs[0]
    const differences = ours.map(
      (loss, i) => Math.abs(loss - theirs.losses[i]) / Math.max(1, Math.abs(theirs.losses[i])),
    )
    table.push({
      run: name,
      dtype,
      steps: ours.length,
      largestDifference: Math.max(...differences),
      bound: BOUND[dtype],
      finalLoss: ours.at(-1),
      pytorchFinalLoss: theirs.losses.at(-1),
      stepsPerSecond: steps / run.seconds,
      pytorchStepsPerSecond: steps / theirs.seconds,
    })
    model.dispose()
    for (const each of held.splice(0)) each.dispose()
  }
}

if (values.json) {
  console.log(JSON.stringify({ date: new Date().toISOString(), load: loadavg(), rows: table }, null, 2))
} else {
  const pad = (text, width) => String(text).padEnd(width)
  console.log(
    `${pad('run', 44)}${pad('dtype', 9)}${pad('loss differs by', 17)}${pad('bound', 8)}${pad('final loss', 24)}steps/s langevin | PyTorch (one thread each, load ${loadavg()[0].toFixed(1)})`,
  )
  for (const r of table) {
    const final = `${r.finalLoss.toFixed(6)} | ${r.pytorchFinalLoss.toFixed(6)}`
    const speed = `${r.stepsPerSecond.toFixed(0)} | ${r.pytorchStepsPerSecond.toFixed(0)}`
    console.log(
      `${pad(r.run, 44)}${pad(r.dtype, 9)}${pad(r.largestDifference.toExponential(1), 17)}${pad(r.bound, 8)}${pad(final, 24)}${speed}`,
    )
  }
}
if (table.some((r) => !(r.largestDifference <= r.bound))) {
  console.error('a difference exceeds its bound')
  process.exitCode = 1
}
