/** Fields shared by the energies. */
import type { Z } from '../spec/define.js'

/** Activations, with torch.nn's formulas; relu and leakyRelu have no second derivative, the others are smooth. */
export const ACTIVATIONS = ['silu', 'gelu', 'tanh', 'sigmoid', 'softplus', 'relu', 'leakyRelu'] as const

/** Columns of a row x. */
export const inputField = (z: Z) => z.int().positive()

/** `activation` (default silu) and the slope leakyRelu takes (default 0.01). */
export const activationFields = (z: Z) => ({
  activation: z.enum(ACTIVATIONS).default('silu'),
  negativeSlope: z.number().nonnegative().optional(),
})

/** Widths of the hidden layers, first to last; [] makes a linear model. */
export const stackFields = (z: Z) => ({ hidden: z.array(z.int().positive()), ...activationFields(z) })

/**
 * A quadratic term that keeps exp(-E) integrable whatever the network does far from the data: a number s adds
 * |x|^2 / (2 s^2); 'full' adds (x - m)' P (x - m) / 2 with the buffers "base.mean" [d] (at first 0) and "base.precision"
 * [d, d] (at first the identity), which setParameters() sets, files keep and training leaves alone.
 */
export const gaussianBaseField = (z: Z) => z.union([z.number().positive(), z.literal('full')]).optional()

type Fail = (path: string, problem: string) => never

/** A slope given for an activation that has none would be silently unused. */
export function checkActivation(options: { activation: string; negativeSlope?: number | undefined }, fail: Fail): void {
  if (options.negativeSlope !== undefined && options.activation !== 'leakyRelu') {
    fail('negativeSlope', `only leakyRelu has a slope, the activation is ${options.activation}`)
  }
}

/** A number (times the identity), d numbers (the diagonal) or a matrix of d rows. */
export const symmetricField = (z: Z) =>
  z.union([z.number(), z.array(z.number()).min(1), z.array(z.array(z.number())).min(1)])

export function checkSymmetric(value: number | number[] | number[][], d: number, path: string, fail: Fail): void {
  if (typeof value === 'number') return
  if (value.length !== d) fail(path, `must have ${d} entries, one a column of x, got ${value.length}`)
  for (const [i, row] of value.entries()) {
    if (Array.isArray(row) && row.length !== d) fail(`${path}[${i}]`, `must have ${d} numbers, got ${row.length}`)
  }
}
