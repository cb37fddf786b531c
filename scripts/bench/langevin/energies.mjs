// Energies of the rows. Gaussians are named by their size: a matrix of 1,555 columns is not for the command line of a child. The
// peers make the same ones (peers/trial.py).
import { energies } from '../../../dist/index.js'

const counted = (n, f) => Array.from({ length: n }, (_, i) => f(i))

const made = {
  /** Precision: 2 on the diagonal, 0.5 beside it. */
  gaussian: ({ input }) => ({
    mean: counted(input, () => 0),
    precision: counted(input, (i) => counted(input, (j) => [2, 0.5][Math.abs(i - j)] ?? 0)),
  }),
  /** Round components; means on waves of their own. */
  gaussianMixture: ({ input, components }) => ({
    means: counted(components, (k) => counted(input, (j) => Math.sin(1 + k + 7 * j))),
    sigmas: 1,
  }),
}

export function specOf({ kind, ...fields }) {
  return energies[kind](made[kind]?.(fields) ?? fields)
}
