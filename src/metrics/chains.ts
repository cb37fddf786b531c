/** Convergence diagnostics of Markov chains. */
import { invoke } from '../runtime/index.js'
import { requireOneOf, requireOptions } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { withDoubles } from './vectors.js'

interface Summary {
  rhat: number | null
  essBulk: number | null
  essTail: number | null
}

async function summaries(draws: RowsLike): Promise<{ list: Summary[]; single: boolean }> {
  return withDoubles({ draws }, (tensors) => {
    const single = tensors.draws!.shape.length < 3
    return invoke<Summary[]>('sampler.diagnostics', tensors).then((list) => ({ list, single }))
  })
}

/**
 * Rank-normalised split R-hat (Vehtari et al. 2021): near 1 when chains agree; above 1.01 they have not mixed.
 *
 * @param draws [chains, n] -> one number, or [chains, n, d] -> d numbers. NaN where it is not defined (too few draws,
 *   constant chains).
 */
export async function rhat(draws: RowsLike): Promise<number | number[]> {
  const { list, single } = await summaries(draws)
  const values = list.map((summary) => summary.rhat ?? Number.NaN)
  return single ? values[0]! : values
}

/**
 * Effective sample size of all chains together (Vehtari et al. 2021): of the bulk (rank-normalised), or of the tails (the
 * smaller one of the 5 % and 95 % quantiles).
 *
 * @param draws [chains, n] -> one number, or [chains, n, d] -> d numbers. NaN where it is not defined.
 */
export async function ess(draws: RowsLike, options: { of?: 'bulk' | 'tail' } = {}): Promise<number | number[]> {
  requireOptions('metrics.ess', options, ['of'])
  requireOneOf('metrics.ess', 'of', options.of, ['bulk', 'tail'])
  const { list, single } = await summaries(draws)
  const values = list.map(({ essBulk, essTail }) => (options.of === 'tail' ? essTail : essBulk) ?? Number.NaN)
  return single ? values[0]! : values
}
