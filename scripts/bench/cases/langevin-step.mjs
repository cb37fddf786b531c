/** Microseconds per Langevin step of all chains, float32, one thread on every side. */
export const name = 'langevin-step'
export const unit = 'us per step'
export const better = 'lower'
const trial = (input, hidden, chains, steps) => ({
  label: `${[input, ...hidden, 1].join('-')}, ${chains} chains`,
  options: { input, hidden, chains, steps, threads: 1 },
})
export const trials = [
  trial(2, [64, 64], 128, 3000),
  trial(2, [128, 128], 128, 2000),
  trial(2, [128, 128], 1000, 300),
  trial(2, [128, 128], 10_000, 40),
  trial(2, [128, 128, 128], 1000, 200),
  trial(784, [256, 256], 128, 200),
  trial(784, [512, 512, 512], 256, 40),
]
const figure = (r) => r.microsecondsPerStep
export const contenders = [
  { name: 'langevin', command: 'node', script: 'scripts/bench/langevin-step.mjs', figure, also: ['executor'] },
  { name: 'PyTorch eager', command: 'python', script: 'scripts/bench/peers/pytorch_langevin_step.py', figure },
  { name: 'JAX jit', command: 'python', needs: 'jax', script: 'scripts/bench/peers/jax_langevin_step.py', figure },
]
