/** Scores of a detector from its energies, as the core makes them: native/core/evaluation/detectors_*.cpp, to the bit. */
import type { CompiledDetector } from '../compiled/format.js'
import type { Numbers } from './engine.js'

/** The energies of so many rows are asked for at a time: tiles of rows are cut within them. */
export const DETECTOR_BLOCK = 1 << 14

/**
 * (sum over k of (E_k - mean_k) / deviation_k) / models + shift, in float64.
 *
 * @param energies of each model, one for each row
 */
export function detectorScores(
  { mean, deviation, shift, kind }: CompiledDetector,
  energies: readonly Numbers[],
): Float64Array {
  const [first] = energies
  if (kind === 'energy' || kind === 'likelihood') return Float64Array.from(first!, (energy) => energy + shift)
  const scores = new Float64Array(first!.length)
  for (const [k, values] of energies.entries())
    for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! + (values[i]! - mean[k]!) / deviation[k]!
  return scores.map((sum) => sum / energies.length)
}
