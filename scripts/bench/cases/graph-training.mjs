/**
 * Milliseconds per epoch of full-batch training of a GCN on Cora-ML: an update with dropout and weight decay, and the validation
 * loss after it. The graph is a file beside the repository: ../shared/data/graphs/npz/cora_ml.npz.
 */
export const name = 'graph-training'
export const title = 'An epoch of training a graph network'
export const unit = 'ms'
export const threads = [1, 2]
export const rows = [
  { label: 'GCN 2,879-64-7 on Cora-ML, 140 training nodes', options: { graph: 'cora_ml', hidden: 64, steps: 200 } },
]
export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/graph.mjs' },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/jax_graph.py' },
  { name: 'PyTorch sparse', peer: 'PyTorch eager', script: 'peers/pytorch_graph.py' },
]
