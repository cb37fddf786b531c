/** Milliseconds per draw of NUTS on the posterior of a time series, in both dtypes, and in float64 without the fused kernels. */
export const name = 'time-series'
export const title = 'One draw of NUTS, four chains, second-order autoregression observed with noise'
export const unit = 'ms'
export const secondsPerUnit = 1e-3
export const threads = [1]

export const rows = [100, 400].map((columns) => ({
  label: `${columns} columns`,
  options: { columns, chains: 4, steps: 100 },
}))

const langevin = (name, options, steps) => ({
  name,
  peer: 'langevin',
  script: 'langevin/time-series.mjs',
  options,
  also: ['executor', 'leapfrogSteps', 'perLeapfrog'],
  ...(steps && { steps }),
})
export const contenders = [
  langevin('langevin', { dtype: 'float32' }),
  langevin('langevin float64', { dtype: 'float64' }),
  langevin('langevin float64, plain', { dtype: 'float64', executor: 'aten' }, 0.3),
]
