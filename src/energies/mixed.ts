/** The energy of a table: an mlp over the columns of a schema. */
import { codedWidth, levelsOf, type Schema, type TableColumn } from '../columns/index.js'
import type { StackOptions } from '../networks/fields.js'
import { requireOptions } from '../spec/index.js'
import { mlp } from './mlp.js'
import { COLUMN_WORDS, type ColumnBlock } from './states.js'

/** Options of `mixed`. */
export interface MixedOptions extends StackOptions {
  /** The schema of the table, from `data.schema`, or its columns. */
  columns: Schema | readonly TableColumn[]
  /** Numbers that every categorical, ordinal and cyclic column enters as. Default 4. */
  embedding?: number | undefined
  /**
   * s adds |x|^2 / (2 s^2) over the numeric columns, as the network sees them. Default: 1 where all of them have the transform
   * 'quantile' (before training the energy is then their normal law), else 3; nothing where there are none.
   */
  gaussianBase?: number | undefined
}

function blockOf(column: TableColumn): ColumnBlock {
  // A column may be called 'binary', which is the word for all such columns.
  const named =
    (COLUMN_WORDS as readonly string[]).includes(column.name) || column.name === '' ? {} : { name: column.name }
  if (column.kind === 'numeric') return { kind: 'real', ...named }
  if (column.kind === 'binary') return { kind: 'binary', ...named }
  return { kind: column.kind, levels: levelsOf(column), ...named }
}

/**
 * The energy of the rows of a table: `energies.mlp` whose `states` are the columns of a schema, one block each under the column's name.
 * Numeric and binary columns enter as they are encoded, all others through a Linear(levels, embedding) of their own (mlp's
 * `embed: 'levels'`).
 *
 * ```js
 * import { data, Energy, energies } from 'langevin'
 * const rows = data.fromRows([{ age: 31, job: 'cook' }, { age: 52, job: 'smith' }, { age: 44, job: 'clerk' }])
 * const { schema } = data.schema(rows)
 * const spec = energies.mixed({ columns: schema, hidden: [32, 32] })
 * const model = await Energy.create(spec, { inputs: data.inputs(rows, { schema }) })
 * console.log((await model.energy(rows)).shape) // [ 3 ]
 * ```
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION
 */
export function mixed(options: MixedOptions): ReturnType<typeof mlp> {
  const known = [
    'columns',
    'embedding',
    'gaussianBase',
    'hidden',
    'activation',
    'negativeSlope',
    'spectralNorm',
  ] as const
  const { columns: given, embedding = 4, gaussianBase, ...stack } = requireOptions('energies.mixed', options, known)
  const columns = 'columns' in given ? given.columns : given
  const numbers = columns.filter((column) => column.kind === 'numeric')
  const embedded = columns.some(({ kind }) => kind === 'categorical' || kind === 'ordinal' || kind === 'cyclic')
  const usual = numbers.every(({ transform }) => transform.kind === 'quantile') ? 1 : 3
  return mlp({
    input: columns.reduce((sum, column) => sum + codedWidth(column), 0),
    ...stack,
    ...(numbers.length > 0 && { gaussianBase: gaussianBase ?? usual }),
    ...(embedded && { embedding, embed: 'levels' as const }),
    states: columns.map(blockOf),
  })
}
