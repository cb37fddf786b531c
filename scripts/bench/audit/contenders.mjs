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

/**
 * The rows of a case: every subject in every number of columns.
 *
 * @param {Record<string, (d: number) => object>} subjects options by name
 * @param {Record<number, number>} sizes rows of a batch by columns
 * @param {(subject: object) => string} by what is timed of a subject
 */
export const rowsOf = (subjects, sizes, by) =>
  Object.entries(subjects).flatMap(([kind, subject]) =>
    COLUMNS.map((d) => {
      const own = subject(d)
      const options = { columns: d, ...own, rows: sizes[d], by: by(own), milliseconds: MILLISECONDS }
      return { label: `${kind}, ${columns(options.columns)}`, options }
    }),
  )
