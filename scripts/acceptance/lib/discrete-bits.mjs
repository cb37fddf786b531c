// Eight Gaussians of the plane, each coordinate in 8 Gray-coded bits: 65,536 states whose probabilities are known.
import { Energy, energies, objectives, optimizers, perturbations, tensor } from '../../../dist/index.js'
import { energiesOf, logShares, trained, uniforms } from './discrete-support.mjs'

const BITS = 8
const SIDE = 2 ** BITS
const EDGE = 5
// The usual toy: modes at distance 4 and deviation 0.5, all divided by 1.414.
const RADIUS = 4000 / 1414
const SD = 500 / 1414

const spec = energies.mlp({ input: 2 * BITS, hidden: [128, 128, 128], states: 'binary' })
const recipe = {
  objective: objectives.energyDiscrepancy({
    perturbation: perturbations.bernoulli({ epsilon: 0.1 }),
    negatives: 32,
    w: 1,
  }),
  optimizer: optimizers.adam({ lr: 1e-3 }),
  batchSize: 128,
  steps: 4000,
  ema: 0.999,
}

/** Mass of every cell along one axis about a mean, by Simpson's rule: a cell is a tenth of a deviation. */
function cells(mean) {
  const width = (2 * EDGE) / SIDE
  const density = (x) => Math.exp(-0.5 * ((x - mean) / SD) ** 2) / (SD * Math.sqrt(2 * Math.PI))
  const mass = (low) => (width / 6) * (density(low) + 4 * density(low + width / 2) + density(low + width))
  return Float64Array.from({ length: SIDE }, (_, i) => mass(-EDGE + i * width))
}

/** Probabilities of the cells [SIDE, SIDE], row by row. */
export function truth() {
  const law = new Float64Array(SIDE * SIDE)
  for (let k = 0; k < 8; k++) {
    const [a, b] = [cells(RADIUS * Math.cos((k * Math.PI) / 4)), cells(RADIUS * Math.sin((k * Math.PI) / 4))]
    for (let i = 0; i < SIDE; i++) for (let j = 0; j < SIDE; j++) law[i * SIDE + j] += (a[i] * b[j]) / 8
  }
  const sum = law.reduce((total, p) => total + p, 0)
  return law.map((p) => p / sum)
}

export const entropyOf = (law) => law.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)

function gray(value) {
  const code = value ^ (value >> 1)
  return Array.from({ length: BITS }, (_, bit) => (code >> bit) & 1)
}
const CODES = Array.from({ length: SIDE }, (_, value) => gray(value))
const rowOf = (cell) => [...CODES[Math.floor(cell / SIDE)], ...CODES[cell % SIDE]]

function draws(law, n, seed) {
  const cumulative = Float64Array.from(law)
  for (let i = 1; i < law.length; i++) cumulative[i] += cumulative[i - 1]
  const next = uniforms(seed)
  const values = new Float32Array(n * 2 * BITS)
  for (let row = 0; row < n; row++) {
    const u = next()
    let [low, high] = [0, law.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle] < u) low = middle + 1
      else high = middle
    }
    values.set(rowOf(low), row * 2 * BITS)
  }
  return tensor(values, [n, 2 * BITS])
}

async function run(context) {
  const law = truth()
  const model = await Energy.create(spec, { seed: context.seed })
  await trained(model, draws(law, 500_000, context.seed + 1), recipe, context)
  const all = Array.from({ length: SIDE * SIDE }, (_, cell) => rowOf(cell))
  const found = logShares(await energiesOf(model, all))
  const entropy = entropyOf(law)
  let [nll, totalVariation] = [0, 0]
  for (const [i, p] of law.entries()) {
    nll -= p * found[i]
    totalVariation += 0.5 * Math.abs(p - Math.exp(found[i]))
  }
  model.dispose()
  return { entropy, nll, excessNll: nll - entropy, totalVariation }
}

export const bits = { run, settings: { energy: spec, ...recipe, rows: 500_000 } }
