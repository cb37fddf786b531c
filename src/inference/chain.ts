/** Exact inference on a chain of discrete variables given by tables of factors. */
import { type InvokeOptions, invoke } from '../runtime/index.js'
import { invalid, requireOneOf, requireOptions, toPlain } from '../spec/index.js'

/** E(y) = sum_t unary[t][y_t] + sum_t pairwise[t][y_t][y_{t+1}]. */
export interface ChainFactors {
  /** One list per variable: the energy of each of its values; null where a variable has no such factor. */
  unary: readonly (readonly number[] | null)[]
  /** One matrix per pair of neighbours: rows the values of the first, columns those of the second. */
  pairwise?: readonly (readonly (readonly number[])[])[]
}

export interface ChainPath {
  /** The assignment of lowest energy; of several the first in lexicographic order. */
  y: number[]
  energy: number
  /** Entries of factors that were looked up. */
  factorTerms: number
}

export interface ChainResults {
  /** The cheapest path through the trellis. */
  viterbi: ChainPath
  /** Messages both ways; minMarginals[t][s] is the least energy of all assignments with y_t = s. */
  minSum: ChainPath & { minMarginals: number[][] }
  /** log sum over y of exp(-beta E(y)), and marginals[t][s] = p(y_t = s). */
  forward: { logZ: number; marginals: number[][]; factorTerms: number }
  /** Every assignment tried, at most 2^20. */
  exhaustive: ChainPath & { logZ: number; assignments: number }
}

const METHODS = ['viterbi', 'minSum', 'forward', 'exhaustive'] as const

/**
 * The answer, or the law, of a chain: 'viterbi' (default) and 'minSum' find the assignment of lowest energy, 'forward' sums over
 * all assignments in the log domain; both take time linear in its length. 'exhaustive' tries everything, for checking.
 *
 * @param factors unary and pairwise energies; sizes may differ from variable to variable
 * @param options.beta inverse temperature of 'forward' and of the logZ of 'exhaustive' (default 1)
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (sizes that do not fit, with their place), _UNSUPPORTED (exhaustive: more
 *   than 2^20 assignments)
 */
export async function chain<M extends keyof ChainResults = 'viterbi'>(
  factors: ChainFactors,
  options: { method?: M; beta?: number } & InvokeOptions = {},
): Promise<ChainResults[M]> {
  const owner = 'infer.chain'
  const { unary, pairwise } = requireOptions(owner, factors, ['unary', 'pairwise'])
  const { method = 'viterbi', beta, signal } = requireOptions(owner, options, ['method', 'beta', 'signal'])
  requireOneOf(owner, 'method', method, METHODS)
  if (beta !== undefined && method !== 'forward' && method !== 'exhaustive') {
    invalid(owner, 'beta', `${method} takes a minimum, which has no temperature`)
  }
  const plain = toPlain({ unary, pairwise, beta }, owner) as Record<string, unknown>
  return invoke<ChainResults[M]>('infer.chain', { ...plain, method }, { signal })
}
