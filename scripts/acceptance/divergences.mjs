#!/usr/bin/env node
// f-EBM on the one-dimensional toy of its paper: a Gaussian model, 0.33 N(-1, 0.25^2) + 0.67 N(2, 2) as the data, nine
// divergences. With every seed each should end within 0.03 of its exact optimum (quadrature), with a helper that knows log p / q:
// correlation above 0.99 and rms difference below 0.1 on [-2, 5]. A dated JSON file keeps what came out; results of one day are
// merged by divergence and seed, so that they may run one by one. The clip moves the optima themselves by at most 0.0013
// (pearson, at 2: 0.0021; quadrature of the divergence that goes on beyond it).
//
//   node scripts/acceptance/divergences.mjs [--divergences kl,alpha -1] [--seeds count or list] [--steps 6000] [--out folder]
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { choices, seedList, wholeNumber } from '../../dist/cli/support.js'
import { Energy, energies, objectives, optimizers, samplers, schedules, tensor, train } from '../../dist/index.js'
import {
  atLeast,
  atMost,
  mean as average,
  judge,
  keep,
  main,
  optionsOrExit,
  RESULTS,
  resultPath,
  tell,
  watched,
} from './lib/verdicts.mjs'

// Mean and sd of the Gaussian that minimises D_f(p, q), by quadrature.
const CASES = [
  { name: 'kl', divergence: 'kl', mean: 1.01, sd: 1.8304 },
  { name: 'reverseKl', divergence: 'reverseKl', mean: 1.5841, sd: 1.6294 },
  { name: 'jensenShannon', divergence: 'jensenShannon', mean: 1.3125, sd: 1.7525 },
  { name: 'squaredHellinger', divergence: 'squaredHellinger', mean: 1.3175, sd: 1.7316 },
  { name: 'alpha -0.5', divergence: { alpha: -0.5 }, mean: 1.7449, sd: 1.5587 },
  { name: 'alpha -1', divergence: { alpha: -1 }, mean: 1.8286, sd: 1.5171 },
  { name: 'alpha 0.9', divergence: { alpha: 0.9 }, mean: 1.0694, sd: 1.8132 },
  { name: 'neyman', divergence: 'neyman', mean: 1.8286, sd: 1.5171 },
  // Its weights e^(2u) are the heaviest: at the default clip of 3 the mean and sd are met as well (within 0.007), but the helper
  // is 0.14 to 0.20 off log p / q (rms).
  { name: 'pearson', divergence: 'pearson', clip: 2, mean: 0.5663, sd: 1.9268 },
]
const ROWS = 100_000
const BATCH = 1000

/** Quantiles of N(0, 1) at the midpoints (i + 1/2) / count: Simpson's rule, inverted within its cells. */
function quantiles(count) {
  const [low, high, cells] = [-6, 6, 120_000]
  const width = (high - low) / cells
  const density = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
  const result = []
  let mass = 0
  for (let c = 0; c < cells && result.length < count; c++) {
    const z = low + c * width
    const cell = (width / 6) * (density(z) + 4 * density(z + width / 2) + density(z + width))
    while (result.length < count && (result.length + 0.5) / count <= mass + cell) {
      result.push(z + (width * ((result.length + 0.5) / count - mass)) / cell)
    }
    mass += cell
  }
  while (result.length < count) result.push(high)
  return result
}

/** Rows at the midpoints of quantiles: the data's law up to 1e-4, without the noise of a sample. */
function toy() {
  const narrow = Math.round(0.33 * ROWS)
  const x = [...quantiles(narrow).map((z) => -1 + 0.25 * z), ...quantiles(ROWS - narrow).map((z) => 2 + Math.SQRT2 * z)]
  return tensor(Float32Array.from(x), [ROWS, 1])
}

const normal = (x, mean, sd) => Math.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * Math.sqrt(2 * Math.PI))

/** Correlation of H + E with log p / q on [-2, 5], and their rms difference up to a constant. */
async function ratio(model, helper, mean, sd) {
  const grid = Array.from({ length: 141 }, (_, i) => [-2 + i * 0.05])
  const [e, h] = [(await model.energy(grid)).toArray(), (await helper.energy(grid)).toArray()]
  const u = grid.map((_, i) => e[i] + h[i])
  const exact = grid.map(([x]) =>
    Math.log((0.33 * normal(x, -1, 0.25) + 0.67 * normal(x, 2, Math.SQRT2)) / normal(x, mean, sd)),
  )
  const [a, b] = [u, exact].map((values) => values.map((v) => v - average(values)))
  const dot = (p, q) => average(p.map((v, i) => v * q[i]))
  return {
    correlation: dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
    rms: Math.sqrt(average(a.map((v, i) => (v - b[i]) ** 2))),
  }
}

async function solve({ name, divergence, clip = 3, mean, sd }, x, seed, { steps, signal }) {
  const model = await Energy.create(energies.gaussian({ mean: [1], precision: [[0.4]], learnable: true }), { seed })
  const spec = energies.mlp({ input: 1, hidden: [64, 64], activation: 'tanh' })
  const optimizer = (lr) => optimizers.adam({ lr: schedules.cosine({ from: lr, to: lr / 100 }) })
  const objective = objectives.fDivergence({
    divergence,
    clip,
    helper: spec,
    helperOptimizer: optimizer(5e-3),
    // One trajectory of about a quarter period: draws that are nearly independent, with an exact test.
    sampler: samplers.hmc({ steps: 1, stepSize: 0.35, leapfrogSteps: 8 }),
    buffer: { size: BATCH, reinit: 0, reinitFrom: 'normal' },
  })
  const run = train(model, x, {
    objective,
    optimizer: optimizer(3e-3),
    steps,
    batchSize: BATCH,
    seed,
    threads: 1,
    signal,
  })
  const { networks, seconds, history } = await run.done
  const found = await model.parameters()
  const [m, s] = [found.mean.toArray()[0], found.precision.toArray()[0][0] ** -0.5]
  const helper = await Energy.create(spec)
  await helper.setParameters(networks.helper)
  const known = await ratio(model, helper, m, s)
  for (const each of [model, helper]) each.dispose()
  const off = { meanError: Math.abs(m - mean), sdError: Math.abs(s - sd) }
  return {
    divergence: name,
    seed,
    clip,
    mean: m,
    sd: s,
    exact: { mean, sd },
    ...off,
    ...known,
    value: history.at(-1).divergence,
    steps,
    seconds,
  }
}

const CRITERIA = CASES.flatMap(({ name }) =>
  [
    { metric: 'meanError', ...atMost(0.03) },
    { metric: 'sdError', ...atMost(0.03) },
    { metric: 'correlation', ...atLeast(0.99) },
    { metric: 'rms', ...atMost(0.1) },
  ].map((limit) => ({ where: { divergence: name }, every: true, ...limit })),
)
const NAMES = CASES.map(({ name }) => name)

function readOptions() {
  const { values } = parseArgs({
    options: {
      divergences: { type: 'string', default: NAMES.join(',') },
      seeds: { type: 'string', default: '3' },
      steps: { type: 'string', default: '6000' },
      out: { type: 'string', default: RESULTS },
    },
  })
  return {
    names: choices(NAMES)(values.divergences),
    seeds: seedList(values.seeds),
    steps: wholeNumber(1)(values.steps),
    out: values.out,
  }
}

/** Rows of today's file, without those that are made anew. */
function keptRows(path, rows) {
  try {
    const old = JSON.parse(readFileSync(path, 'utf8')).rows
    return old.filter((row) => !rows.some((each) => each.divergence === row.divergence && each.seed === row.seed))
  } catch {
    return []
  }
}

await main(async () => {
  const { names, seeds, steps, out } = optionsOrExit(readOptions)
  const x = toy()
  const tasks = names.flatMap((name) => seeds.map((seed) => ({ name, seed })))
  const { result: rows, interrupted } = await watched(({ each, signal, bar }) =>
    each(tasks, ({ name, seed }, i) => {
      bar.update(i / tasks.length, `${name}, seed ${seed}`)
      return solve(CASES[NAMES.indexOf(name)], x, seed, { steps, signal })
    }),
  )
  const all = [...keptRows(resultPath(out, 'divergences'), rows), ...rows]
  all.sort((a, b) => NAMES.indexOf(a.divergence) - NAMES.indexOf(b.divergence) || a.seed - b.seed)
  const checks = judge(CRITERIA, all)
  await keep(out, 'divergences', { checks, rows: all })
  return { failed: tell(checks), interrupted }
})
