// A table of two numbers and two categories on a ring: u ~ U[0, 1] is the angle, the group g one of four by chance, the colour
// (floor(8 u) + 4 g) mod 16, the radius 1.5 with a deviation of 0.015. Angle and group determine the colour.
import {
  Energy,
  energies,
  objectives,
  optimizers,
  perturbations,
  sample,
  samplers,
  schedules,
  tensor,
} from '../../../dist/index.js'
import { normalOf, trained, uniforms } from './discrete-support.mjs'

const GROUPS = 4
const COLOURS = 16
const COLUMNS = 2 + GROUPS + COLOURS
const ROWS = 100_000
const DRAWN = 5000

const spec = energies.mlp({
  input: COLUMNS,
  hidden: [128, 128],
  embedding: 4,
  gaussianBase: 3,
  states: [
    { kind: 'real', columns: 2 },
    { kind: 'categorical', levels: GROUPS, name: 'group' },
    { kind: 'categorical', levels: COLOURS, name: 'colour' },
  ],
})
const recipe = {
  objective: objectives.energyDiscrepancy({
    perturbation: perturbations.structured({ sd: 0.3, t: 1 }),
    negatives: 32,
    w: 1,
  }),
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 1e-3, to: 1e-5 }) }),
  batchSize: 128,
  steps: 5000,
  clipNorm: 5,
  ema: 0.999,
}
const sampler = samplers.blockwise({
  steps: 300,
  kernels: [
    { on: 'real', sampler: samplers.mala({ steps: 4, stepSize: 0.03 }) },
    { on: 'real', sampler: samplers.mala({ steps: 2, stepSize: 0.005 }) },
    { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
  ],
})

const hot = (level, levels) => Array.from({ length: levels }, (_, k) => Number(k === level))

function draws(seed) {
  const next = uniforms(seed)
  const values = new Float32Array(ROWS * COLUMNS)
  for (let row = 0; row < ROWS; row++) {
    const u = next()
    const group = Math.floor(next() * GROUPS)
    const colour = (Math.floor(8 * u) + 4 * group) % COLOURS
    // A deviation of 0.015 is a hundredth of the radius: no draw is cut off.
    const radius = 1.5 + 0.015 * normalOf(next)
    const place = [radius * Math.cos(2 * Math.PI * u), radius * Math.sin(2 * Math.PI * u)]
    values.set([...place, ...hot(group, GROUPS), ...hot(colour, COLOURS)], row * COLUMNS)
  }
  return tensor(values, [ROWS, COLUMNS])
}

export function scores(rows) {
  const groups = new Array(GROUPS).fill(0)
  let right = 0
  const radii = []
  for (const [x, y, ...codes] of rows) {
    const [group, colour] = [codes.slice(0, GROUPS).indexOf(1), codes.slice(GROUPS).indexOf(1)]
    const u = (Math.atan2(y, x) / (2 * Math.PI) + 1) % 1
    groups[group]++
    right += Number(colour === (Math.floor(8 * u) + 4 * group) % COLOURS)
    radii.push(Math.hypot(x, y))
  }
  const n = rows.length
  const sorted = radii.toSorted((a, b) => a - b)
  const mean = radii.reduce((sum, r) => sum + r / n, 0)
  return {
    rightColour: right / n,
    groupError: Math.max(...groups.map((count) => Math.abs(count / n - 1 / GROUPS))),
    radiusMean: mean,
    radiusQuantiles: [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map((p) => sorted[Math.floor(p * n)]),
    radiusSd: Math.sqrt(radii.reduce((sum, r) => sum + (r - mean) ** 2 / n, 0)),
  }
}

async function run(context) {
  const model = await Energy.create(spec, { seed: context.seed })
  await trained(model, draws(context.seed + 1), recipe, context)
  const { samples, diagnostics } = await sample(model, {
    sampler,
    chains: DRAWN,
    seed: context.seed,
    threads: 1,
    signal: context.signal,
  }).done
  model.dispose()
  return { ...scores(samples.toArray()), acceptance: diagnostics.kernels[0].acceptance, rhat: diagnostics.rhat }
}

export const rings = { run, settings: { energy: spec, ...recipe, rows: ROWS, sampler, drawn: DRAWN } }
