#!/usr/bin/env node
// Energy discrepancy on 25 Gaussians with the settings of its authors' repository (perturbation of variance 1, M = 4, w = 1, four
// hidden layers of 128 softplus units, Adam 1e-3, batch 128, averaged weights): the divergences of the trained density from the true
// one, both on a grid, against their thresholds. A dated JSON file keeps what came out.
//
//   node scripts/acceptance/energy-discrepancy.mjs [--steps 20000] [--seeds count or list] [--out folder]
import { parseArgs } from 'node:util'
import { seedList, wholeNumber } from '../../dist/cli/support.js'
import { data, Energy, energies, objectives, optimizers, tensor, train } from '../../dist/index.js'
import { atMost, judge, keep, main, optionsOrExit, RESULTS, tell, watched } from './lib/verdicts.mjs'

const CRITERIA = [
  { where: {}, metric: 'kl', every: true, ...atMost(0.03) },
  { where: {}, metric: 'totalVariation', every: true, ...atMost(0.08) },
]
// The published law says 1.414.
const SCALE = 1000 / 1414
const MEANS = [-4, -2, 0, 2, 4].flatMap((a) => [-4, -2, 0, 2, 4].map((b) => [a * SCALE, b * SCALE]))
const SIGMA = 0.2 * SCALE
// A cell is a seventh of a mode's deviation; the perturbed rows of training reach about 6.
const EDGE = 6
const SIDE = 600

const spec = energies.mlp({ input: 2, hidden: [128, 128, 128, 128], activation: 'softplus' })
const recipe = {
  objective: objectives.energyDiscrepancy({ t: 1, negatives: 4, w: 1 }),
  optimizer: optimizers.adam({ lr: 1e-3 }),
  batchSize: 128,
  ema: 0.999,
}

const truth = energies.gaussianMixture({ means: MEANS, sigmas: SIGMA })

function gridRows() {
  const step = (2 * EDGE) / SIDE
  const axis = Array.from({ length: SIDE }, (_, i) => -EDGE + (i + 0.5) * step)
  return Float32Array.from(axis.flatMap((a) => axis.flatMap((b) => [a, b])))
}

/** log of the share of every cell under exp(-E). */
async function logShares(model, rows) {
  const energy = Float64Array.from((await model.energy(rows)).toTypedArray(), (e) => -e)
  const top = energy.reduce((a, b) => Math.max(a, b), -Infinity)
  const logSum = top + Math.log(energy.reduce((sum, e) => sum + Math.exp(e - top), 0))
  return energy.map((e) => e - logSum)
}

/** KL(truth || model), total variation, and the mean squared error of the log density under the truth. */
function divergences(wanted, found) {
  let [kl, totalVariation, squaredError] = [0, 0, 0]
  for (const [i, log] of wanted.entries()) {
    const p = Math.exp(log)
    kl += p * (log - found[i])
    squaredError += p * (log - found[i]) ** 2
    totalVariation += 0.5 * Math.abs(p - Math.exp(found[i]))
  }
  return { kl, totalVariation, squaredError }
}

async function runSeed(seed, steps, signal, bar) {
  const rows = data.toys.gaussians({ means: MEANS, noise: SIGMA, n: 500_000, seed: seed + 1 })
  const model = await Energy.create(spec, { seed })
  const exact = await Energy.create(truth)
  const run = train(model, rows, { ...recipe, steps, seed, signal })
  for await (const event of run) if (event.type === 'progress') bar.update(event.step / steps, `seed ${seed}`)
  const { seconds, history } = await run.done
  const grid = tensor(gridRows(), [SIDE * SIDE, 2])
  const found = divergences(await logShares(exact, grid), await logShares(model, grid))
  return { seed, ...found, loss: history.at(-1).loss, stepsPerSecond: steps / seconds, seconds }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      steps: { type: 'string', default: '20000' },
      seeds: { type: 'string', default: '1' },
      out: { type: 'string', default: RESULTS },
    },
  })
  return { steps: wholeNumber(1)(values.steps), seeds: seedList(values.seeds), out: values.out }
}

await main(async () => {
  const { steps, seeds, out } = optionsOrExit(readOptions)
  const { result: rows, interrupted } = await watched(({ each, signal, bar }) =>
    each(seeds, (seed) => runSeed(seed, steps, signal, bar)),
  )
  const checks = judge(CRITERIA, rows)
  await keep(out, 'energy-discrepancy', { steps, energy: spec, ...recipe, checks, rows })
  return { failed: tell(checks), interrupted }
})
