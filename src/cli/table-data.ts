/** Tables as the commands of `langevin table` read and write them, and the options that say how. */
import { once } from 'node:events'
import { type Command, InvalidArgumentError } from 'commander'
import {
  MISSING_POLICIES,
  type MissingPolicy,
  type Policies,
  RANGE_POLICIES,
  type Schema,
  UNSEEN_POLICIES,
} from '../columns/index.js'
import { csvParts, readCsv, type TableForm } from '../data/csv.js'
import type { ColumnType } from '../data/csv-table.js'
import type { Dataset } from '../data/dataset.js'
import type { ColumnChoice, SchemaOptions } from '../data/infer-schema.js'
import type { Replaced } from '../data/table-coder.js'
import { LangevinError } from '../errors.js'
import { writeAtomic } from '../io/files.js'
import { requireColumns } from '../tables/index.js'
import { readJson } from './run-file.js'
import { makeFolderOf, names, note, oneOf } from './support.js'

/** Options of commands that read a table. */
export interface TableOptions {
  ignore?: string[]
  header?: boolean
  decimal?: '.' | ','
  thousands?: string
  delimiter?: string
  missing?: MissingPolicy[]
  unseen?: Policies['unseen']
  range?: Policies['range']
}

/** Options that say what columns are. */
export interface KindOptions {
  columns?: Record<string, string>
  schema?: string
}

/** Rows that are read, scored and written at a time. */
const ROWS = 8192

export type Choices = Readonly<Record<string, string | ColumnChoice>>

/** `age:numeric,month:cyclic(12)`: kinds by column. A name may hold colons. */
export function columnChoices(text: string): Record<string, string> {
  const choices: [string, string][] = text.split(/,(?![^(]*\))/).map((part) => {
    const at = part.lastIndexOf(':')
    if (at < 1) throw new InvalidArgumentError(`'${part}' is not NAME:KIND, such as age:numeric or month:cyclic(12).`)
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()]
  })
  return Object.fromEntries(choices)
}

const policies = (text: string): MissingPolicy[] =>
  text.split(',').map((word) => oneOf(...MISSING_POLICIES)(word.trim()))

/** How a table is written, and what is left out of it. */
export function formOptions(command: Command): Command {
  return command
    .option('--ignore <names>', 'columns to leave out, comma-separated', names)
    .option(
      '--header <yes|no>',
      'whether the first row names the columns (default: found out)',
      (text: string) => oneOf('yes', 'no')(text) === 'yes',
    )
    .option('--decimal <mark>', "decimal mark: '.' or ','", oneOf('.', ','))
    .option('--thousands <mark>', 'what separates thousands')
    .option('--delimiter <mark>', 'what separates columns (default: found out)')
}

/** What the columns are. */
export function kindOptions(command: Command): Command {
  return command
    .option(
      '--columns <kinds>',
      'what columns are, where the table does not say: NAME:KIND, comma-separated; numeric, ordinal, ordinal(K), cyclic(K), categorical, binary, ignore',
      columnChoices,
    )
    .option('--schema <file>', 'the same and more as JSON')
}

export function tableOptions(command: Command): Command {
  return formOptions(command)
    .option(
      '--missing <policies>',
      `missing cells: ${MISSING_POLICIES.join(', ')}; several, comma-separated: each column takes the first it can have (default: error)`,
      policies,
    )
    .option(
      '--unseen <policy>',
      `levels that training did not see: ${UNSEEN_POLICIES.join(', ')} (default: error)`,
      oneOf(...UNSEEN_POLICIES),
    )
    .option(
      '--range <policy>',
      `numbers outside of those in training: ${RANGE_POLICIES.join(', ')} (default: error)`,
      oneOf(...RANGE_POLICIES),
    )
}

export const policiesOf = ({ missing, unseen, range }: TableOptions): Policies => ({
  ...(missing && { missing }),
  ...(unseen && { unseen }),
  ...(range && { range }),
})

const styleOf = ({ header, decimal, thousands, delimiter }: TableOptions) => ({
  ...(header !== undefined && { header }),
  ...(decimal && { decimal }),
  ...(thousands && { thousands }),
  ...(delimiter && { delimiter }),
})

const fileOf = (path: string) => (path === '-' ? '/dev/stdin' : path)

/** Cells of columns that were said to be categorical are texts, and of numeric ones numbers, whatever they look like. */
function typeOf(choice: string | ColumnChoice): ColumnType | undefined {
  const kind = typeof choice === 'string' ? choice : choice.kind
  if (kind === 'categorical')
    return typeof choice === 'object' && typeof choice.levels?.[0] === 'number' ? undefined : 'categorical'
  return kind === 'numeric' ? 'numeric' : undefined
}

/** A whole table to be trained on, with its missing cells, and how it is written. */
export async function readWholeTable(
  path: string,
  choices: Choices,
  options: TableOptions,
): Promise<{ table: Dataset; form: TableForm }> {
  const { ignore = [] } = options
  const twice = ignore.find((name) => Object.hasOwn(choices, name))
  if (twice !== undefined)
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `--ignore: '${twice}' is named in --columns too`)
  const typed = Object.entries(choices).flatMap(([name, choice]) => {
    const type = typeOf(choice)
    return type === undefined ? [] : [[name, type] as const]
  })
  const columns = Object.fromEntries([...typed, ...ignore.map((name) => [name, 'ignore' as const] as const)])
  let form: TableForm | undefined
  const seen = (found: TableForm) => {
    form = found
  }
  const table = await readCsv(fileOf(path), { ...styleOf(options), columns, missing: 'keep' }, { seen })
  return { table, form: { delimiter: form!.delimiter, header: form!.header ?? table.columns[0] !== 'column1' } }
}

/** Columns of a model as the reader of tables has them. */
function typesOf(
  schema: Schema,
  names: readonly string[],
  ignore: readonly string[],
  lenient: boolean,
): Record<string, ColumnType> {
  const left = names.filter((name) => ignore.includes(name))
  const unknown = ignore.find((name) => !names.includes(name))
  if (unknown !== undefined && !lenient)
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `--ignore: there is no column '${unknown}'; the columns are ${names.join(', ')}`,
    )
  const types = schema.columns.flatMap((column): [string, ColumnType][] => {
    if (!names.includes(column.name)) return []
    if (column.kind === 'numeric') return [[column.name, 'numeric']]
    return [[column.name, typeof column.levels[0] === 'number' ? 'numeric' : 'categorical']]
  })
  return Object.fromEntries([...types, ...left.map((name): [string, ColumnType] => [name, 'ignore'])])
}

/** A table that others are read like: a model is one. */
export interface Likeness {
  readonly schema: Schema
  readonly facts: { readonly form: { readonly header: boolean; readonly decimal: '.' | ',' } }
  /** What it is called in messages. Default: the model. */
  readonly called?: string
}

export interface PartOptions {
  /** Columns that may be missing. */
  optional?: readonly string[]
  /** Rows of a part. */
  most?: number
  /** Columns of --ignore that are not there are no error. */
  lenient?: boolean
}

/**
 * The rows of a table for a model, some thousands at a time: its columns by name, others refused.
 */
export function tableParts(
  path: string,
  model: Likeness,
  options: TableOptions,
  { optional = [], most = ROWS, lenient = false }: PartOptions = {},
): AsyncGenerator<Dataset> {
  const { schema } = model
  const { ignore = [] } = options
  const { header, decimal } = model.facts.form
  const style = { header, decimal, ...styleOf(options) }
  const asked = (found: readonly string[]) => {
    const types = typesOf(schema, found, ignore, lenient)
    requireColumns(
      schema,
      found.filter((name) => !ignore.includes(name)),
      { optional, path, called: model.called },
    )
    return types
  }
  const reading = { missingMarks: schema.missingMarks, missing: 'keep' as const, ...style }
  return csvParts(fileOf(path), reading, most, { typesOf: asked })
}

/** All rows of a table that has the columns of another one. */
export async function readLike(
  path: string,
  like: Likeness,
  options: TableOptions,
  { lenient = false }: { lenient?: boolean } = {},
): Promise<Dataset> {
  for await (const part of tableParts(path, like, options, { most: Number.POSITIVE_INFINITY, lenient })) return part
  throw new Error('a table without rows')
}

export interface Described {
  choices: Choices
  ignore: string[]
  rest: Omit<SchemaOptions, 'columns'>
}

/** What --columns and the file of --schema say; the former goes before. */
export async function described({ schema, columns = {}, ignore = [] }: KindOptions & TableOptions): Promise<Described> {
  const { columns: own = {}, ...rest } = (schema === undefined ? {} : await readJson(schema)) as SchemaOptions
  if (typeof own !== 'object' || own === null || Array.isArray(own))
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${schema}: "columns" must be an object of columns by name`)
  const all = Object.entries({ ...own, ...columns })
  const left = all.filter(([, choice]) => choice === 'ignore').map(([name]) => name)
  return {
    choices: Object.fromEntries(all.filter(([, choice]) => choice !== 'ignore')),
    ignore: [...new Set([...ignore, ...left])],
    rest,
  }
}

/** Counts of replaced cells, added up over parts. */
export class Counts {
  readonly #counts = new Map<string, Replaced>()

  add(replaced: Readonly<Record<string, Replaced>>): void {
    for (const [name, { missing, unseen, range }] of Object.entries(replaced)) {
      const sum = this.#counts.get(name) ?? { missing: 0, unseen: 0, range: 0 }
      this.#counts.set(name, { missing: sum.missing + missing, unseen: sum.unseen + unseen, range: sum.range + range })
    }
  }

  get counts(): Readonly<Record<string, Replaced>> {
    return Object.fromEntries(this.#counts)
  }

  /** Says on stderr what was replaced, and by which policy. */
  tell({ columns }: Schema): void {
    for (const [name, { missing, unseen, range }] of this.#counts) {
      const column = columns.find((each) => each.name === name)!
      if (missing > 0) note(`column '${name}': ${missing} missing cells (missing: ${column.missing})`)
      if (unseen > 0 && column.kind !== 'numeric')
        note(`column '${name}': ${unseen} cells with levels that training did not see (unseen: ${column.unseen})`)
      if (range > 0 && column.kind === 'numeric')
        note(`column '${name}': ${range} numbers outside of ${column.low} to ${column.high} (range: ${column.range})`)
    }
  }
}

/** Writes texts to a file, which appears whole or not at all, or to stdout, as fast as its reader takes them. */
export async function writeTexts(
  out: string | undefined,
  texts: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  if (out !== undefined) {
    await makeFolderOf(out)
    await writeAtomic(out, texts)
    return
  }
  for await (const text of texts) if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}
