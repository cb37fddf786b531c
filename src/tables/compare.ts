/** Compares a synthetic table with the real one it was made from: similarity, usefulness, privacy. */
import type { Schema } from '../columns/index.js'
import type { Dataset } from '../data/dataset.js'
import { schema as schemaOf } from '../data/infer-schema.js'
import { requireOptions } from '../spec/index.js'
import { requireTable } from './arguments.js'
import { type Judge, type Judgement, judge } from './judge.js'
import type { TableModel } from './model.js'
import { type Privacy, privacyOf } from './privacy.js'
import { scoreTable } from './score.js'
import { sideBySide } from './sides.js'
import { type Similarity, similarityOf } from './similarity.js'

export interface TableComparisonOptions {
  /** Real rows that nothing was trained on: what judges are tested on, and the control of privacy. */
  heldOut?: Dataset | undefined
  /** What the columns are. Default: that of the model, else what `data.schema` finds in the real rows. */
  schema?: Schema | undefined
  /** An energy of the table, whose energies of the rows are compared too. */
  model?: TableModel | undefined
  /** The column that judges tell from the others. Default: none is judged. */
  label?: string | undefined
  /** Default: logistic and boosting. */
  judges?: readonly Judge[] | undefined
  /** The Python of the judge 'boosting'. Default: set-up's own environment, else python3. */
  python?: string | undefined
  /** Fixes which rows are looked at, and the judges. Default 0. */
  seed?: number
  threads?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: (done: number, text: string) => void
}

/** Energies of rows under a model. */
export interface ComparedEnergies {
  readonly real: Float32Array
  readonly synthetic: Float32Array
  readonly heldOut?: Float32Array
}

export interface TableComparison {
  readonly rows: { readonly real: number; readonly synthetic: number; readonly heldOut?: number }
  readonly similarity: Similarity
  /** The same of the held-out rows in place of the synthetic ones: what two draws of one law have. */
  readonly control?: Similarity
  readonly privacy: Privacy
  readonly judgement?: Judgement
  readonly energies?: ComparedEnergies
}

const OPTIONS = [
  'heldOut',
  'schema',
  'model',
  'label',
  'judges',
  'python',
  'seed',
  'threads',
  'signal',
  'onProgress',
] as const

/** Energies of the rows under a model, whose policies take what does not fit. */
async function energiesOf(
  given: TableModel,
  tables: { real: Dataset; synthetic: Dataset; heldOut?: Dataset | undefined },
  options: { threads?: number; signal?: AbortSignal },
): Promise<ComparedEnergies> {
  const model = given.with({ missing: ['own-level', 'mean', 'mode'], unseen: 'mode', range: 'keep' })
  const of = async (table: Dataset) => (await scoreTable(model, table, options)).energies
  const [real, synthetic] = [await of(tables.real), await of(tables.synthetic)]
  return { real, synthetic, ...(tables.heldOut && { heldOut: await of(tables.heldOut) }) }
}

/**
 * Compares a synthetic table with the real one: how alike columns and pairs of columns are (the scores of SDMetrics' Quality Report),
 * how well judges that learn from the synthetic rows do on real ones, and how near the synthetic rows lie to the real ones.
 *
 * @param real rows the synthetic ones were made from
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (columns, label)
 */
export async function compareTables(
  real: Dataset,
  synthetic: Dataset,
  options: TableComparisonOptions = {},
): Promise<TableComparison> {
  const {
    heldOut,
    model,
    label,
    seed = 0,
    threads,
    signal,
    onProgress,
  } = requireOptions('tables.compare', options, OPTIONS)
  requireTable('tables.compare', real, 'real')
  requireTable('tables.compare', synthetic, 'synthetic')
  const found = () => schemaOf(real, { missing: ['own-level', 'mean', 'mode'], unseen: 'mode' }).schema
  const schema = options.schema ?? model?.schema ?? found()
  const tables = [real, synthetic, ...(heldOut ? [heldOut] : [])]
  const call = { ...(threads !== undefined && { threads }), ...(signal && { signal }) }
  const how = { seed, ...call }
  onProgress?.(0, 'columns and pairs')
  const sides = sideBySide(schema, tables)
  const similarity = similarityOf(sides)
  const withHeldOut = sides.map((side) => ({
    ...side,
    numbers: side.numbers.filter((_, table) => table !== 1),
    codes: side.codes.filter((_, table) => table !== 1),
  }))
  const control = heldOut && similarityOf(withHeldOut)
  onProgress?.(0.2, 'closest records')
  const privacy = await privacyOf(
    sides,
    tables.map(({ length }) => length),
    how,
  )
  onProgress?.(0.5, label === undefined ? 'energies' : `judges of '${label}'`)
  const given = { real, synthetic, heldOut }
  const judgement =
    label === undefined
      ? undefined
      : await judge(schema, given, { ...how, label, judges: options.judges, python: options.python })
  onProgress?.(0.9, 'energies')
  const energies = model && (await energiesOf(model, given, call))
  return {
    rows: { real: real.length, synthetic: synthetic.length, ...(heldOut && { heldOut: heldOut.length }) },
    similarity,
    ...(control && { control }),
    privacy,
    ...(judgement && { judgement }),
    ...(energies && { energies }),
  }
}
