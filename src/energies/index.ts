/** Energies: what a model is. Every factory is pure, validates at once and returns frozen plain JSON. */
export { layers } from '../networks/index.js'
/** Functions of symbolic rows for energies.expression: exp, log, where, sum, ... */
export * as expr from './expr/functions.js'
export type { ExpressionOptions, ExpressionSpec } from './expression.js'
export * as energies from './factories.js'
