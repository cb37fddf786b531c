/** What every case of the audit shares: the columns, the rows, and who is measured. One process of each serves all rows of a case. */
export const COLUMNS = [2, 64, 900]
/** Rows of a batch: enough that the way into a library is a small part of the time, few enough for a cache. */
export const BATCH = { 2: 4096, 64: 1024, 900: 256 }
export const CHAINS = { 2: 256, 64: 256, 900: 96 }
/** How long a trial takes, about; --scale shortens it. */
export const MILLISECONDS = 50

export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/audit.mjs', also: ['executor'] },
  { name: 'JAX jit', peer: 'JAX jit', script: 'peers/twins.py', options: { library: 'jax' } },
  { name: 'PyTorch eager', peer: 'PyTorch eager', script: 'peers/twins.py', options: { library: 'torch' } },
]

export const columns = (d) => `${d} columns`
