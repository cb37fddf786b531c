#!/usr/bin/env node
// Energy discrepancy on 25 Gaussians with the settings of its authors' repository (perturbation of variance 1, M = 4, w = 1, four
// hidden layers of 128 softplus units, Adam 1e-3, batch 128, averaged weights): the divergences of the trained density from the true
// one, both on a grid, against their thresholds. A dated JSON file keeps what came out.
//
//   node scripts/acceptance/energy-discrepancy.mjs [--steps 20000] [--seeds count or list] [--out folder]
import { mkdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { interruption, note, ProgressBar, report, seedList } from '../../dist/cli/support.js'
import { data, Energy, energies, objectives, optimizers, tensor, train, versions } from '../../dist/index.js'
import { writeAtomic } from '../../dist/io/files.js'

const LIMITS = { kl: 0.03, totalVariation: 0.08 }
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

async function main() {
  const { values } = parseArgs({
    options: {
      steps: { type: 'string', default: '20000' },
      seeds: { type: 'string', default: '1' },
      out: { type: 'string', default: 'scripts/bench/results' },
    },
  })
  const steps = Number(values.steps)
  mkdirSync(values.out, { recursive: true })
  const bar = new ProgressBar()
  const { signal, release } = interruption()
  const rows = []
  try {
    for (const seed of seedList(values.seeds)) rows.push(await runSeed(seed, steps, signal, bar))
  } finally {
    bar.end()
    release()
  }
  const checks = rows.flatMap((row) =>
    Object.entries(LIMITS).map(([metric, limit]) => ({
      seed: row.seed,
      metric,
      value: row[metric],
      limit: `<= ${limit}`,
      passed: row[metric] <= limit,
    })),
  )
  for (const { seed, metric, value, limit, passed } of checks) {
    console.log(`${passed ? 'ok  ' : 'FAIL'} seed ${seed} ${metric.padEnd(15)} ${value.toFixed(4)}  ${limit}`)
  }
  const date = new Date().toISOString().slice(0, 10)
  const { langevin, libtorch } = versions()
  const machine = { processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, load: loadavg() }
  const kept = {
    date,
    machine,
    versions: { node: process.version, langevin, libtorch },
    steps,
    energy: spec,
    ...recipe,
    checks,
    rows,
  }
  const path = join(values.out, `energy-discrepancy-${date}.json`)
  await writeAtomic(path, [`${JSON.stringify(kept, null, 1)}\n`])
  note(`wrote ${path}`)
  if (checks.some(({ passed }) => !passed)) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  process.exitCode = report(error)
}
