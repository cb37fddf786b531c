/** How the cost of a Langevin step grows with the chains (10^2 to 10^6) and with the width; one thread. */
import { langevinFlop } from '../lib/flop.mjs'

export const name = 'scaling'
export const title = 'Growth of one Langevin step with chains and with width'
export const unit = 'us'
export const secondsPerUnit = 1e-6
export const threads = [1]

/** `chart`: the axes of the charts this row is a point of, and where it lies on them. */
const network = (width, chains, steps, chart) => ({
  label: `2-${width}-${width}-1, ${chains.toLocaleString('en')} chains`,
  options: { energy: { kind: 'mlp', input: 2, hidden: [width, width] }, chains, steps },
  flop: langevinFlop([2, width, width, 1], chains),
  chart,
})
const ofChains = (chains, steps) => network(64, chains, steps, { chains, ...(chains === 1000 && { width: 64 }) })
const ofWidth = (width, steps) => network(width, 1000, steps, { width })
export const rows = [
  ofChains(100, 6000),
  ofChains(1000, 800),
  ofChains(10_000, 80),
  ofChains(100_000, 8),
  ofChains(1_000_000, 3),
  ofWidth(16, 3000),
  ofWidth(32, 2000),
  ofWidth(128, 300),
  ofWidth(256, 100),
  ofWidth(512, 30),
]
export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/step.mjs' },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_step.py' },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/pytorch_step.py', steps: 0.5 },
  { name: 'TorchEBM', peer: 'TorchEBM', script: 'peers/torchebm_step.py', steps: 0.3 },
]
