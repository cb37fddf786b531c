// Energies of the rows. Gaussians and formulas are named by their size: a matrix of 1,555 columns is not for the command line of a
// child. The peers make the same ones (peers/trial.py, peers/energy_twins.py). `energies`: the package's, or its sources' in a test.

const counted = (n, f) => Array.from({ length: n }, (_, i) => f(i))

/** 2 on the diagonal, 0.5 beside it. */
const band = (d, scale = 1) =>
  counted(d, (i) => counted(d, (j) => (i === j ? 2 : Math.abs(i - j) === 1 ? 0.5 : 0) * scale))

const precisions = {
  one: () => 1.5,
  diagonal: (d) => counted(d, (i) => 1 + (i % 3)),
  full: (d) => band(d),
}

const formulas = {
  bumps: (x) => x.square().add(1).log().sum().add(x.mul(3).sin().mul(x.abs().neg().exp()).sum()),
  /** A random walk of log variances behind given returns. */
  volatility(x) {
    const d = x.width
    const squares = counted(d, (i) => Math.sin(1 + i) ** 2)
    const off = x.slice(1, d).sub(x.slice(0, d - 1).mul(0.95))
    return off
      .square()
      .sum()
      .mul(2)
      .add(x.add(x.neg().exp().mul(squares)).sum().mul(0.5))
  },
  /** Logistic regression with 64 rows. */
  regression(x) {
    const answers = counted(64, (j) => j % 2)
    const z = x.matmul(counted(x.width, (i) => counted(64, (j) => Math.sin(1 + 7 * i + j) / Math.sqrt(x.width))))
    return z.softplus().sum().sub(z.mul(answers).sum()).add(x.square().sum().mul(0.5))
  },
}

const made = {
  gaussian: ({ input, precision = 'full' }) => ({
    mean: counted(input, () => 0),
    precision: precisions[precision](input),
  }),
  /** Round components, or full ones; means on waves of their own. */
  gaussianMixture: ({ input, components, precision }) => ({
    means: counted(components, (k) => counted(input, (j) => Math.sin(1 + k + 7 * j))),
    ...(precision === 'full' ? { precisions: counted(components, (k) => band(input, 1 + k / 10)) } : { sigmas: 1 }),
  }),
}

export function specOf({ kind, formula, ...fields }, energies) {
  if (kind === 'expression') return energies.expression(formulas[formula], fields)
  return energies[kind](made[kind]?.(fields) ?? fields)
}
