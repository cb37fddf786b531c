/** Gaussian noise with independent columns. */
import { columnsField, defineSpec } from '../spec/index.js'

/** Options of `gaussian`. */
export interface GaussianOptions {
  /** Mean: a number, or one per column. Default 0. */
  mean?: number | number[] | undefined
  /** Standard deviation: a number, or one per column. Default 1. */
  sd?: number | number[] | undefined
}

/**
 * Independent columns N(mean, sd^2). `mean` (default 0) and `sd` (default 1): one number for every column, or one per
 * column.
 */
export const gaussian = defineSpec(
  'noise',
  'gaussian',
  (z) => ({ mean: columnsField(z).default(0), sd: columnsField(z).default(1) }),
  {
    summary: 'Gaussian noise with independent columns.',
    check: ({ sd }, fail) => {
      if ([sd].flat().some((s) => !(s > 0))) fail('sd', 'must be greater than 0')
    },
  },
).options<GaussianOptions>()
