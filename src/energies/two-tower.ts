/** The distance between two networks, one of x and one of y. */
import { checkHead, type HeadOptions, headFields, shapeField } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { checkOneCondition } from './fields.js'

/** Options of `twoTower`. */
export interface TwoTowerOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /** The network f of x. */
  x: HeadOptions
  /** Columns of a continuous y, in place of `classes`. */
  condition?: number | undefined
  /** Number of classes of y, in place of `condition`. */
  classes?: number | undefined
  /** Columns of f and g. Default with g(y) = y: `condition`. */
  width?: number | undefined
  /** The network g of y. Default: g(y) = y. */
  y?: HeadOptions | undefined
  /** 'l1', the sum of absolute differences, or 'squared', the sum of squares. Default 'l1'. */
  norm?: 'l1' | 'squared' | undefined
}

/**
 * E(x, y) = |f(x) - g(y)|: two networks ("towers") that meet in a space of `width` columns, an implicit regression where
 * y need not be a function of x. `x`: { hidden, activation } of f. `y`: the same of g; left out, g(y) = y and the energy is an
 * explicit regression, |f(x) - y|. y has `condition` columns, or is one of `classes` with a learned vector g(y) each.
 *
 * `input`: columns of x, or the axes of a row, which is flattened first. `width`: columns of f and g (default with g(y) = y: `condition`). `norm`: 'l1' (default), the sum of the absolute
 * differences, or 'squared', the sum of their squares. Parameters: "x.0.weight", ..., "y.0.weight", ...; "y.weight" for classes.
 * Under losses that only pull the right answer down, such as structured({ loss: 'energy' }), a learned g collapses: f and g
 * become one constant.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.twoTower({ input: 2, condition: 1, x: { hidden: [16] } }), { seed: 1 })
 * const [a, b] = (await model.energy([[0, 1], [0, 1]], { y: [[10], [12]] })).toArray() // |f(x) - y|
 * console.log((b - a).toFixed(4)) // 2.0000
 * ```
 */
export const twoTower = defineSpec(
  'energy',
  'twoTower',
  (z) => ({
    input: shapeField(z),
    condition: z.int().positive().optional(),
    classes: z.int().positive().optional(),
    width: z.int().positive().optional(),
    x: z.strictObject(headFields(z)),
    y: z.strictObject(headFields(z)).optional(),
    norm: z.enum(['l1', 'squared']).default('l1'),
  }),
  {
    summary: 'The distance between a network of x and a network of y: implicit regression.',
    source: 'LeCun et al. 2006, the architectures regression and implicit regression.',
    check({ condition, classes, width, x, y }, fail) {
      checkHead(x, (path, problem) => fail(`x.${path}`, problem))
      if (y !== undefined) checkHead(y, (path, problem) => fail(`y.${path}`, problem))
      checkOneCondition({ condition, classes }, fail)
      if (classes !== undefined && y !== undefined)
        fail('y', 'a class y has one learned vector per class and no network')
      if ((classes !== undefined || y !== undefined) && width === undefined) {
        fail('width', 'is required where g is learned: the columns in which f(x) and g(y) are compared')
      }
      if (condition !== undefined && y === undefined && width !== undefined && width !== condition) {
        fail('width', `with g(y) = y the width is that of y, ${condition}; leave it out, or give y a network`)
      }
    },
  },
).options<TwoTowerOptions>()
