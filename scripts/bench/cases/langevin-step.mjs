/** Microseconds per Langevin step of all chains: proper noise, SiLU MLPs and a double well. */
import { langevinFlop } from '../lib/flop.mjs'

export const name = 'langevin-step'
export const title = 'One Langevin step of all chains'
export const unit = 'us'
export const secondsPerUnit = 1e-6

const network = (input, hidden, chains, steps) => ({
  label: `${[input, ...hidden, 1].join('-')}, ${chains.toLocaleString('en')} chains`,
  options: { energy: { kind: 'mlp', input, hidden }, chains, steps },
  flop: langevinFlop([input, ...hidden, 1], chains),
})
const well = (chains, steps) => ({
  label: `double well 2-D, ${chains.toLocaleString('en')} chains`,
  options: { energy: { kind: 'doubleWell', input: 2 }, chains, steps, stepSize: 0.01 },
})

export const threads = [1, 2]
export const rows = [
  network(2, [64, 64], 128, 10_000),
  network(2, [128, 128], 128, 4000),
  network(2, [128, 128], 1000, 500),
  network(2, [128, 128], 10_000, 50),
  network(2, [128, 128, 128], 1000, 250),
  network(2, [128, 128, 128], 10_000, 25),
  network(784, [256, 256], 128, 250),
  network(784, [512, 512, 512], 256, 40),
  well(128, 40_000),
  well(1000, 15_000),
  well(10_000, 2000),
]

export const contenders = [
  {
    name: 'langevin',
    peer: 'langevin',
    script: 'langevin/step.mjs',
    also: ['executor', 'callMicroseconds', 'wholeCall'],
  },
  {
    name: 'langevin bfloat16',
    peer: 'langevin',
    script: 'langevin/step.mjs',
    precision: 'bfloat16',
    options: { precision: 'bfloat16' },
    also: ['executor'],
    for: (row) => row.flop !== undefined,
  },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_step.py' },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/pytorch_step.py', steps: 0.5 },
  {
    name: 'torch.compile',
    peer: 'torch.compile',
    script: 'peers/pytorch_step.py',
    options: { compile: true },
    steps: 0.5,
  },
  { name: 'TorchEBM', peer: 'TorchEBM', script: 'peers/torchebm_step.py', steps: 0.3 },
  {
    name: 'JavaScript',
    peer: 'JavaScript',
    script: 'langevin/javascript-step.mjs',
    for: (row, threads) => row.options.energy.kind === 'doubleWell' && threads === 1,
  },
]
