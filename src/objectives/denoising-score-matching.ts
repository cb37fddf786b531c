import { defineSpec } from '../spec.js'

/**
 * Denoising score matching at one noise level `sigma`: x~ = x + sigma e, loss = mean |sigma s(x~) + e|^2 / 2 with
 * s = -dE/dx. It fits the data convolved with N(0, sigma^2 I): on Gaussian data of covariance S the precision found is
 * inverse(S + sigma^2 I). Needs a smooth energy (silu, gelu, tanh, softplus); piecewise linear ones are refused with
 * ERR_LANGEVIN_UNSUPPORTED.
 */
export const denoisingScoreMatching = defineSpec(
  'objective',
  'denoisingScoreMatching',
  (z) => ({ sigma: z.number().positive() }),
  {
    summary: 'Denoising score matching at one noise level.',
    source: 'Vincent 2011, eq. 9; weighted by sigma^2 as Song and Ermon 2019.',
  },
)
