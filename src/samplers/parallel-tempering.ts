/** Parallel tempering: replicas at several temperatures that swap states. */
import { checkLadder, defineSpec, type Ladder, ladderField, type SpecValue, specOf } from '../spec/index.js'

const INNER = [
  'langevin',
  'mala',
  'hmc',
  'underdampedLangevin',
  'gibbs',
  'gibbsWithGradients',
  'discreteLangevin',
  'blockwise',
]

/** What the diagnostics of a run of `parallelTempering` tell besides what every sampler does; null where nothing was tried. */
export interface ParallelTemperingStatistics {
  /** The ladder, as it was given or as the pilot run left it. */
  temperatures: number[]
  /** Mean acceptance of swaps of each replica with the next one. */
  swapAcceptance: (number | null)[]
  /** Mean acceptance of each replica's own kernel. */
  replicaAcceptance: (number | null)[]
  /**
   * Sum of the refused shares of all pairs: an estimate of the communication barrier L, which depends on the energy and the two
   * ends of the ladder, and hardly on what lies between. No ladder makes more than 1 / (2 + 2 L) round trips a step.
   */
  communicationBarrier: number | null
  /** How often, in all chains after burn-in, a state came from the first temperature to the last one and back. */
  roundTrips: number
  /** The same for each step and chain. */
  roundTripRate: number
  /** What it would be if each round of the inner sampler made states independent of what they were: 1 / (2 + 2 sum r / (1 - r)). */
  idealRoundTripRate: number | null
}

/** Options of `parallelTempering`. */
export interface ParallelTemperingOptions {
  /** Rounds of the sampler's own steps and an attempt to swap neighbours. */
  steps: number
  /** The sampler of every replica: langevin, mala, hmc, underdampedLangevin, gibbs, gibbsWithGradients, discreteLangevin, blockwise. */
  sampler: SpecValue<'sampler'>
  /** Rising temperatures: a list, or { from, to, levels } spaced geometrically. */
  temperatures: Ladder
  /** Steps of a pilot run that moves the inner temperatures until all pairs swap equally often. Default 0. */
  adapt?: number | undefined
}

/**
 * Replica exchange: every chain has companions at the rising `temperatures` (a list, or `{ from, to, levels }` spaced
 * geometrically); samples are the replicas at the first one, usually 1. One of the `steps` is `sampler.steps` steps of
 * the inner `sampler` (langevin, mala, hmc or underdampedLangevin; gibbs, gibbsWithGradients or discreteLangevin of discrete
 * states; blockwise of these for rows of both) in every replica, then an attempt to swap neighbours, even and odd pairs in turn,
 * with probability min(1, exp((1/T_k - 1/T_k+1) (E_k - E_k+1))). Exact when the inner kernel is. That pairs take turns makes the
 * way of a state non-reversible: it goes on in one direction until a swap is refused, and the round trips of a ladder of n
 * levels take a time of order n, not n^2 as with pairs drawn at random.
 *
 * `adapt` (default 0): steps of a pilot run that first moves the inner temperatures until all pairs refuse the same share of
 * swaps. Diagnostics: `temperatures`, `swapAcceptance` of each pair (aim at 0.2 to 0.6), `replicaAcceptance`; the sum of the
 * refused shares, `communicationBarrier` L, with which about 2 L + 1 levels are the usual choice; `roundTrips` from the first
 * temperature to the last and back, `roundTripRate` of them a step and chain, and `idealRoundTripRate`, which the refused shares
 * allow: a rate far below it says that the inner sampler moves too little between two swaps.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussianMixture({ means: [[-4], [4]], sigmas: 0.5 }))
 * const sampler = samplers.parallelTempering({
 *   sampler: samplers.mala({ steps: 5, stepSize: 0.3 }), temperatures: { from: 1, to: 50, levels: 6 }, steps: 400,
 * })
 * const draws = await sample(model, { sampler, chains: 64, seed: 1 }).done
 * console.log(draws.diagnostics.rhat < 1.1, draws.diagnostics.swapAcceptance.length) // true 5
 * ```
 */
export const parallelTempering = defineSpec(
  'sampler',
  'parallelTempering',
  (z) => ({
    steps: z.int().positive(),
    sampler: specOf(z, 'sampler'),
    temperatures: ladderField(z),
    adapt: z.int().nonnegative().default(0),
  }),
  {
    summary: 'Replicas of every chain at rising temperatures that swap places.',
    source: 'Swendsen and Wang 1986; Geyer 1991; turns: Okabe et al. 2001; ladder and round trips: Syed et al. 2022.',
    check: (options, fail) => {
      checkLadder('temperatures', options.temperatures, 'rise', fail)
      const refuse = (path: string, kind: string) =>
        fail(path, `'${kind}' cannot be the inner kernel; use one of ${INNER.join(', ')}`)
      const { kind, kernels = [] } = options.sampler as { kind: string; kernels?: { sampler: SpecValue<'sampler'> }[] }
      if (!INNER.includes(kind)) refuse('sampler.kind', kind)
      for (const [i, { sampler }] of kernels.entries()) {
        if (!INNER.includes(sampler.kind)) refuse(`sampler.kernels[${i}].sampler.kind`, sampler.kind)
      }
    },
  },
).options<ParallelTemperingOptions>()
