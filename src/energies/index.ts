/** Energies: what a model is. Every factory is pure, validates at once and returns frozen plain JSON. */
import { ackley } from './ackley.js'
import { classifier } from './classifier.js'
import { conditional } from './conditional.js'
import { doubleWell } from './double-well.js'
import { expression } from './expression.js'
import { funnel } from './funnel.js'
import { gaussian } from './gaussian.js'
import { gaussianMixture } from './gaussian-mixture.js'
import { ising } from './ising.js'
import { mixtureDensity } from './mixture-density.js'
import { mlp } from './mlp.js'
import { potts } from './potts.js'
import { rastrigin } from './rastrigin.js'
import { rbm } from './rbm.js'
import { regressor } from './regressor.js'
import { rosenbrock } from './rosenbrock.js'
import { scalar } from './scalar.js'
import { sequential } from './sequential.js'
import { twoTower } from './two-tower.js'

export const energies = {
  mlp,
  sequential,
  scalar,
  conditional,
  classifier,
  regressor,
  twoTower,
  mixtureDensity,
  gaussian,
  gaussianMixture,
  doubleWell,
  rosenbrock,
  rastrigin,
  ackley,
  funnel,
  expression,
  rbm,
  ising,
  potts,
}

export { layers } from '../networks/index.js'
/** Functions of symbolic rows for energies.expression: exp, log, where, sum, ... */
export * as expr from './expr/functions.js'
export type { ExpressionOptions, ExpressionSpec } from './expression.js'
