/** Fits a Gaussian to rows. */
import { type InvokeOptions, invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'

export interface GaussianFit {
  /** [d] */
  readonly mean: Tensor
  /** [d, d], divisor n, without the ridge. */
  readonly covariance: Tensor
  /** [d, d]: (covariance + ridge I)^-1. */
  readonly precision: Tensor
}

/**
 * The Gaussian of the rows' mean and covariance (float64), for instance as the `gaussianBase: 'full'` of an energy:
 * `model.setParameters({ 'base.mean': fit.mean, 'base.precision': fit.precision })`.
 *
 * @param x rows [n, d]
 * @param options ridge: added to the diagonal of the covariance before it is inverted, in squared units of the columns
 *   (default 0). With ridge sigma^2 the precision is that of the rows blurred by N(0, sigma^2 I).
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION when the covariance is singular, _NON_FINITE (row and column), _SHAPE
 */
export async function gaussianFit(x: RowsLike, options: { ridge?: number } & InvokeOptions = {}): Promise<GaussianFit> {
  const { ridge = 0, signal } = requireOptions('data.gaussianFit', options, ['ridge', 'signal'])
  const rows = toRows(x, 'x')
  try {
    return await invoke<GaussianFit>('data.gaussianFit', { tensor: rows, ridge, name: 'x' }, { signal })
  } finally {
    if (rows !== x) rows.dispose()
  }
}
