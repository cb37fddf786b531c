// 3 x 4 categories with probabilities of their own and a Gaussian of the plane for each.
import { Energy, energies, objectives, optimizers, perturbations, schedules, tensor } from '../../../dist/index.js'
import { energiesOf, logShares, normalOf, trained, uniforms } from './discrete-support.mjs'

const LEVELS = [3, 4]
const STATES = LEVELS[0] * LEVELS[1]
const COLUMNS = 2 + LEVELS[0] + LEVELS[1]
const SD = 0.6
const ROWS = 50_000
// The grid of the plane: a cell is a sixth of a deviation, the border ten deviations of the perturbation outside the modes.
const EDGE = 6
const SIDE = 120

const spec = energies.mlp({
  input: COLUMNS,
  hidden: [64, 64],
  embedding: 4,
  gaussianBase: 3,
  states: [
    { kind: 'real', columns: 2 },
    { kind: 'categorical', levels: LEVELS[0] },
    { kind: 'categorical', levels: LEVELS[1] },
  ],
})
const recipe = {
  objective: objectives.energyDiscrepancy({
    perturbation: perturbations.structured({ sd: 0.5, t: 1 }),
    negatives: 32,
    w: 1,
  }),
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 2e-3, to: 2e-5 }) }),
  batchSize: 128,
  steps: 4000,
  ema: 0.999,
}

/** Probabilities between 0.03 and 0.16 about, and places that overlap. */
function lawOf() {
  const next = uniforms(2024)
  const weights = Array.from({ length: STATES }, () => 0.25 + next())
  const sum = weights.reduce((a, b) => a + b, 0)
  const means = Array.from({ length: STATES }, () => [4 * next() - 2, 4 * next() - 2])
  return { p: weights.map((w) => w / sum), means }
}

const oneHot = (state) => [
  ...Array.from({ length: LEVELS[0] }, (_, k) => Number(k === Math.floor(state / LEVELS[1]))),
  ...Array.from({ length: LEVELS[1] }, (_, k) => Number(k === state % LEVELS[1])),
]

function draws({ p, means }, seed) {
  const next = uniforms(seed)
  const values = new Float32Array(ROWS * COLUMNS)
  for (let row = 0; row < ROWS; row++) {
    let u = next()
    let state = 0
    while (state < STATES - 1 && u >= p[state]) u -= p[state++]
    const place = means[state].map((mean) => mean + SD * normalOf(next))
    values.set([...place, ...oneHot(state)], row * COLUMNS)
  }
  return tensor(values, [ROWS, COLUMNS])
}

/** KL(p || p_U), and the mean over p of max_c |p_U(c | x) - p(c | x)|, by sums over categories and cells. */
function compare(wanted, found) {
  let [kl, conditionalError] = [0, 0]
  const cellsOfPlane = SIDE * SIDE
  for (let cell = 0; cell < cellsOfPlane; cell++) {
    let [here, there] = [0, 0]
    for (let state = 0; state < STATES; state++) {
      const [log, model] = [wanted[state * cellsOfPlane + cell], found[state * cellsOfPlane + cell]]
      const p = Math.exp(log)
      if (p > 0) kl += p * (log - model)
      here += p
      there += Math.exp(model)
    }
    let worst = 0
    for (let state = 0; state < STATES; state++) {
      const [p, q] = [Math.exp(wanted[state * cellsOfPlane + cell]), Math.exp(found[state * cellsOfPlane + cell])]
      worst = Math.max(worst, Math.abs(p / here - q / there))
    }
    if (here > 0) conditionalError += here * worst
  }
  return { kl, conditionalError }
}

async function run(context) {
  const law = lawOf()
  const model = await Energy.create(spec, { seed: context.seed })
  await trained(model, draws(law, context.seed + 1), recipe, context)
  const axis = Array.from({ length: SIDE }, (_, i) => -EDGE + ((i + 0.5) * 2 * EDGE) / SIDE)
  const rows = []
  const energy = []
  for (let state = 0; state < STATES; state++) {
    const code = oneHot(state)
    const [a, b] = law.means[state]
    for (const x of axis)
      for (const y of axis) {
        rows.push([x, y, ...code])
        energy.push(((x - a) ** 2 + (y - b) ** 2) / (2 * SD * SD) - Math.log(law.p[state]))
      }
  }
  const found = compare(logShares(energy), logShares(await energiesOf(model, rows)))
  model.dispose()
  return found
}

export const mixed = { run, settings: { energy: spec, ...recipe, rows: ROWS } }
