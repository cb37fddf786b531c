/** Convolutional energies of images: one Langevin step of all chains, and one training step of the same network as a classifier. */
import { convLangevinFlop, convTrainingFlop } from '../lib/flop.mjs'

export const name = 'conv-step'
export const title = 'Convolutional networks on images: a Langevin step of all chains, a training step of a batch'
export const unit = 'ms'
export const secondsPerUnit = 1e-3
export const threads = [1, 2]

const small = {
  text: '28 x 28, 16-32-64-64, 5 x 5 and 3 x 3',
  spec: {
    input: [1, 28, 28],
    channels: [16, 32, 64, 64],
    kernel: [5, 3, 3, 3],
    stride: 2,
    padding: [4, 1, 1, 1],
    hidden: [64],
  },
}
const wide = {
  text: '28 x 28, 32-64-128-128, 3 x 3',
  spec: { input: [1, 28, 28], channels: [32, 64, 128, 128], kernel: 3, stride: [1, 2, 2, 2], padding: 1, hidden: [] },
}
const colour = {
  text: '3 x 32 x 32, 32-64-128, 3 x 3',
  spec: { input: [3, 32, 32], channels: [32, 64, 128], kernel: 3, stride: [1, 2, 2], padding: 1, hidden: [] },
}

const step = ({ text, spec }, chains, steps) => ({
  label: `Langevin step, ${text}, ${chains} chains`,
  options: { energy: { kind: 'conv', ...spec }, chains, steps },
  flop: convLangevinFlop(spec, chains),
})
const training = ({ text, spec }, batch, steps) => ({
  label: `cross entropy step, ${text}, batch ${batch}`,
  options: { energy: { kind: 'conv', ...spec }, batch, classes: 10, steps },
  flop: convTrainingFlop(spec, batch),
})

export const rows = [
  step(small, 64, 100),
  step(small, 256, 30),
  step(wide, 64, 15),
  step(wide, 256, 6),
  step(colour, 64, 12),
  training(small, 64, 60),
  training(wide, 64, 12),
]

export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/conv.mjs', also: ['executor'] },
  {
    name: 'langevin bfloat16',
    peer: 'langevin',
    script: 'langevin/conv.mjs',
    precision: 'bfloat16',
    options: { precision: 'bfloat16' },
    also: ['executor'],
    for: (row) => row.options.batch === undefined,
  },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_conv.py' },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/pytorch_conv.py' },
  {
    name: 'PyTorch eager, channels last',
    peer: 'PyTorch eager',
    script: 'peers/pytorch_conv.py',
    options: { channelsLast: true },
  },
]
