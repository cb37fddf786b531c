// All couplings of an Ising model of 10 x 10 spins on a torus, log p = x' J x with J = 0.1 between neighbours, from 2,000 draws. The
// score is -log of the root mean square error over the 10,000 entries of J: 3.91 for J = 0. The weight of the L1 penalty is the
// one whose model has the lowest loss on 500 draws it has not seen; the truth is not asked.
import {
  Energy,
  energies,
  evaluateObjective,
  objectives,
  optimizers,
  perturbations,
  sample,
  samplers,
  schedules,
} from '../../../dist/index.js'
import { trained } from './discrete-support.mjs'

const SIDE = 10
const SITES = SIDE * SIDE
const STRENGTH = 0.1
const DRAWN = 2000
const HELD = 500
/** Objectives, each with the weights of the penalty that are tried: their losses differ in scale. */
const PLANS = {
  'discrepancy, grid': {
    objective: objectives.energyDiscrepancy({ perturbation: perturbations.neighbourhood(), negatives: 16 }),
    weights: [0, 3e-4, 1e-3, 3e-3],
  },
  'discrepancy, bernoulli': {
    objective: objectives.energyDiscrepancy({
      perturbation: perturbations.bernoulli({ epsilon: 0.1 }),
      negatives: 16,
    }),
    weights: [0, 1e-3, 3e-3, 1e-2, 3e-2],
  },
  'pseudo-likelihood': { objective: objectives.pseudoLikelihood(), weights: [0, 0.03, 0.1, 0.3] },
}
const recipe = {
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 5e-3, to: 1e-5 }) }),
  batchSize: 250,
  steps: 600,
}
const sampler = samplers.gibbs({ steps: 1000 })

/** J of log p = x' J x: every pair is counted twice there, once in the energy here. */
function interactionsOf(coupling) {
  const rows = coupling.toArray()
  return rows.map((row, i) => row.map((c, j) => (i === j ? 0 : (c + rows[j][i]) / 4)))
}

function wanted() {
  const at = (a, b) => ((a + SIDE) % SIDE) * SIDE + ((b + SIDE) % SIDE)
  const j = Array.from({ length: SITES }, () => new Array(SITES).fill(0))
  for (let a = 0; a < SIDE; a++)
    for (let b = 0; b < SIDE; b++)
      for (const other of [at(a + 1, b), at(a - 1, b), at(a, b + 1), at(a, b - 1)]) j[at(a, b)][other] = STRENGTH
  return j
}

export function score(found, truth = wanted()) {
  let squares = 0
  for (let i = 0; i < SITES; i++) for (let j = 0; j < SITES; j++) squares += (found[i][j] - truth[i][j]) ** 2
  return -0.5 * Math.log(squares / SITES ** 2)
}

async function learned(objective, l1, rows, context, share) {
  const model = await Energy.create(energies.ising({ sites: SITES }))
  try {
    await trained(model, rows.learn, { ...recipe, objective, penalties: { l1 } }, context, share)
    const { loss } = await evaluateObjective(model, rows.held, { objective, seed: 99, threads: 1 })
    const { coupling } = await model.parameters()
    return { l1, heldOut: loss, logRmse: score(interactionsOf(coupling)) }
  } finally {
    model.dispose()
  }
}

async function run(context) {
  const truth = await Energy.create(energies.ising({ lattice: [SIDE, SIDE], coupling: 2 * STRENGTH }))
  const draw = async (chains, seed) => (await sample(truth, { sampler, chains, seed, threads: 1 }).done).samples
  const rows = { learn: await draw(DRAWN, context.seed + 1), held: await draw(HELD, context.seed + 1001) }
  const zero = score(Array.from({ length: SITES }, () => new Array(SITES).fill(0)))
  const found = []
  for (const [name, { objective, weights }] of Object.entries(PLANS)) {
    const tried = []
    for (const l1 of weights) tried.push(await learned(objective, l1, rows, context))
    const best = tried.reduce((a, b) => (b.heldOut < a.heldOut ? b : a))
    found.push({
      objective: name,
      withoutL1: tried[0].logRmse,
      withL1: best.logRmse,
      l1: best.l1,
      zero,
      tried,
    })
  }
  truth.dispose()
  return found
}

export const couplings = {
  run,
  settings: { plans: PLANS, ...recipe, sampler, strength: STRENGTH, draws: DRAWN, heldOut: HELD },
}
