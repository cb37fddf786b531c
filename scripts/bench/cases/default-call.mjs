/** Microseconds per Langevin step of whole calls of sample(): bare, with the default diagnostics, and with R-hat read. 100 steps. */
export const name = 'default-call'
export const title = 'A call of 100 Langevin steps with default diagnostics beside a bare one, by the step'
export const unit = 'us'
export const threads = [1]

const row = (input, hidden, chains) => ({
  label: `${[input, ...hidden, 1].join('-')}, ${chains.toLocaleString('en')} chains`,
  options: { energy: { kind: 'mlp', input, hidden }, chains, steps: 100 },
})
export const rows = [
  row(2, [64, 64], 128),
  row(2, [64, 64], 1000),
  row(2, [128, 128], 128),
  row(2, [128, 128], 1000),
  row(10, [64, 64], 256),
  row(33, [200, 200], 64),
  row(64, [128, 128], 256),
  row(784, [256, 256], 64),
]
const langevin = (word, call) => ({
  name: `langevin${word}`,
  peer: 'langevin',
  script: 'langevin/step.mjs',
  options: { call },
})
export const contenders = [
  langevin('', 'default'),
  langevin(', bare call', 'bare'),
  langevin(', R-hat read', 'read'),
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_step.py' },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/pytorch_step.py' },
]
