/** Negative log-likelihood of energies that are normalised. */
import { defineSpec } from '../spec/index.js'

/**
 * Negative log-likelihood of energies that are normalised by construction (mixtureDensity: -log p(y | x)):
 * loss = mean E. Unnormalised energies are refused with ERR_LANGEVIN_UNSUPPORTED: their mean has no minimum.
 */
export const negativeLogLikelihood = defineSpec('objective', 'negativeLogLikelihood', () => ({}), {
  summary: 'Negative log-likelihood of normalised energies.',
  source: 'Bishop 1994 for mixture density networks.',
}).options()
