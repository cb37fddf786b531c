/** Microseconds per Langevin step of all chains in wide rows: Gaussians with a full precision, and mixtures of many components. */
export const name = 'wide-rows'
export const title = 'One Langevin step of all chains in wide rows'
export const unit = 'us'
export const secondsPerUnit = 1e-6
export const threads = [1]

/** One symmetric product makes energy and gradient: 2 d^2 a chain. */
const gaussian = (input, chains, steps) => ({
  label: `Gaussian of ${input.toLocaleString('en')} columns, ${chains} chains`,
  options: { energy: { kind: 'gaussian', input }, chains, steps },
  flop: 2 * input * input * chains,
})
const mixture = (input, components, chains, steps) => ({
  label: `${components} Gaussians of ${input} columns, ${chains} chains`,
  options: { energy: { kind: 'gaussianMixture', input, components }, chains, steps },
})

export const rows = [
  gaussian(32, 64, 20_000),
  gaussian(32, 256, 5000),
  gaussian(256, 64, 1000),
  gaussian(256, 256, 250),
  gaussian(1000, 64, 80),
  gaussian(1000, 256, 20),
  gaussian(1555, 64, 40),
  gaussian(1555, 256, 10),
  gaussian(3000, 64, 10),
  gaussian(3000, 256, 4),
  mixture(64, 100, 256, 200),
  mixture(2, 8, 256, 5000),
]

export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/step.mjs', also: ['executor', 'callMicroseconds'] },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_step.py' },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/pytorch_step.py', steps: 0.5 },
]
