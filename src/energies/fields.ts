/** Fields shared by the energies. */
import type { Z } from '../spec/index.js'
import type { States } from './states.js'

/** Columns of a row x. */
export const inputField = (z: Z) => z.int().positive()

/**
 * A quadratic term that keeps exp(-E) integrable, no matter what the network does far from the data: a number s adds
 * |x|^2 / (2 s^2); 'full' adds (x - m)' P (x - m) / 2 with the buffers "base.mean" [d] (at first 0) and "base.precision"
 * [d, d] (at first the identity), which setParameters() sets, files keep and training leaves alone.
 */
export const gaussianBaseField = (z: Z) => z.union([z.number().positive(), z.literal('full')]).optional()

/**
 * A fixed law of bits under the network: a probability p for all columns, or one for each, takes x' log(p / (1 - p)) off the
 * energy. Without the network every bit is then 1 with its own probability.
 */
export const bernoulliBaseField = (z: Z) => {
  const probability = z.number().gt(0).lt(1)
  return z.union([probability, z.array(probability).min(1)]).optional()
}

export function checkBernoulliBase(
  { bernoulliBase, input, states }: { bernoulliBase?: unknown; input: number | number[]; states?: States | undefined },
  fail: Fail,
): void {
  if (bernoulliBase === undefined) return
  const bits = states === 'binary' || (Array.isArray(states) && states.every(({ kind }) => kind === 'binary'))
  if (!bits) fail('bernoulliBase', "is of bits: give states 'binary'")
  const columns = [input].flat().reduce((a, b) => a * b, 1)
  if (Array.isArray(bernoulliBase) && bernoulliBase.length !== columns)
    fail('bernoulliBase', `must be a number or ${columns} numbers, got ${bernoulliBase.length}`)
}

/** Options of pairwise energies. */
export interface InteractionOptions {
  /** How many sites; all pairs interact. Give either `sites` or `lattice`. */
  sites?: number | undefined
  /** Lengths of the axes, such as [16, 16]; nearest neighbours interact. */
  lattice?: number[] | undefined
  /** Whether neighbours reach across the borders of the lattice. Default true. */
  periodic?: boolean | undefined
  /** Start of J: a number for every interacting pair, or a symmetric matrix. Default 0. */
  coupling?: number | number[][] | undefined
  /** Start of h: a number, or one for each site. Default 0. */
  field?: number | number[] | undefined
}

/** Sites of a pairwise energy: `sites` that all interact, or the nearest neighbours on a `lattice`. */
export const interactionFields = (z: Z) => ({
  sites: z.int().positive().optional(),
  lattice: z.array(z.int().positive()).min(1).optional(),
  periodic: z.boolean().optional(),
  coupling: z.union([z.number(), z.array(z.array(z.number())).min(1)]).default(0),
  field: z.union([z.number(), z.array(z.number()).min(1)]).default(0),
})

/** Exactly one of `condition` and `classes`. */
export function checkOneCondition(
  { condition, classes }: { condition?: number | undefined; classes?: number | undefined },
  fail: Fail,
): void {
  if ((condition === undefined) === (classes === undefined)) {
    fail('condition', 'give either condition (columns of a continuous y) or classes (number of classes of y)')
  }
}

type Interactions = {
  sites?: number | undefined
  lattice?: number[] | undefined
  periodic?: boolean | undefined
  coupling: number | number[][]
}

/** Checks the fields above; returns the number of sites. */
export function checkInteractions(options: Interactions, siteWidth: number, fail: Fail): number {
  const { sites, lattice, periodic, coupling } = options
  if ((sites === undefined) === (lattice === undefined)) {
    fail('sites', 'give either sites (all pairs interact) or lattice, the lengths of its axes')
  }
  if (periodic !== undefined && lattice === undefined) fail('periodic', 'only a lattice can be periodic')
  const count = sites ?? lattice!.reduce((a, b) => a * b, 1)
  if (count * siteWidth > 4096) {
    const key = sites === undefined ? 'lattice' : 'sites'
    fail(key, `gives ${count * siteWidth} columns; at most 4096 are supported, because the coupling is a full matrix`)
  }
  if (typeof coupling !== 'number') checkSymmetric(coupling, count * siteWidth, 'coupling', fail)
  return count
}

type Fail = (path: string, problem: string) => never

/** A number (times the identity), d numbers (the diagonal) or a matrix of d rows. */
export const symmetricField = (z: Z) =>
  z.union([z.number(), z.array(z.number()).min(1), z.array(z.array(z.number())).min(1)])

export function checkSymmetric(value: number | number[] | number[][], d: number, path: string, fail: Fail): void {
  if (typeof value === 'number') return
  if (value.length !== d) fail(path, `must have ${d} entries, one per column of x, got ${value.length}`)
  for (const [i, row] of value.entries()) {
    if (Array.isArray(row) && row.length !== d) fail(`${path}[${i}]`, `must have ${d} numbers, got ${row.length}`)
  }
}
