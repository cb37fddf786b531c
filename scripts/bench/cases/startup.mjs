/** Milliseconds from the start of a process to its first energy, and its peak memory; bare interpreters beside. */
export const name = 'startup'
export const title = 'From the start of a process to the first energy of 2-128-128-1'
export const unit = 'ms'
export const threads = [1]
/** A new process for every trial; its time is counted from its start to its first answer. */
export const fresh = true
export const counts = 'start'
export const rows = [{ label: 'import, build the energy, one row', options: {} }]

const also = ['peakMiB']
const python = (name, peer, options) => ({ name, peer, script: 'peers/startup.py', options, also })
export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/startup.mjs', also },
  python('PyTorch eager', 'PyTorch eager', { module: 'torch' }),
  python('JAX jit', 'JAX jit', { module: 'jax' }),
  { name: 'bare Node.js', peer: 'JavaScript', script: 'langevin/startup.mjs', options: { bare: true }, also },
  python('bare Python', 'Python', {}),
]
