/** The contenders every training case has, and the specs they train. */
export const mlp = { kind: 'mlp', input: 2, hidden: [128, 128] }
export const langevinSampler = (steps) => ({ kind: 'langevin', steps, stepSize: 0.01 })

export const trainingContenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/train.mjs', also: ['wholeCall'] },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_train.py' },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/pytorch_train.py' },
]
export const torchebmContender = { name: 'TorchEBM', peer: 'TorchEBM', script: 'peers/torchebm_train.py' }
