/** The schema of a table: what each column is, its levels or its transform, and what to do about cells that do not fit. */
import { LangevinError } from '../errors.js'
import { freeze, requireOptions, toPlain } from '../spec/index.js'
import { type FittedTransform, NUMBER_TRANSFORMS } from './transforms.js'

/** What a column of a table is. */
export const COLUMN_KINDS = ['numeric', 'ordinal', 'cyclic', 'categorical', 'binary'] as const
export type TableColumnKind = (typeof COLUMN_KINDS)[number]

/** Missing cells: an error, the mean of the column (numbers), its most frequent level, or a level of their own (categories). */
export const MISSING_POLICIES = ['error', 'mean', 'mode', 'own-level'] as const
export type MissingPolicy = (typeof MISSING_POLICIES)[number]
/** Levels that training did not see: an error, the most frequent level, or the level of their own that missing cells have. */
export const UNSEEN_POLICIES = ['error', 'mode', 'own-level'] as const
export type UnseenPolicy = (typeof UNSEEN_POLICIES)[number]
/** Numbers outside of those seen in training: an error, the nearest seen number, or the number as it is. */
export const RANGE_POLICIES = ['error', 'clamp', 'keep'] as const
export type RangePolicy = (typeof RANGE_POLICIES)[number]

/** A column of numbers: one number of the row, transformed. */
export interface NumericColumn {
  readonly kind: 'numeric'
  readonly name: string
  readonly transform: FittedTransform
  /** The least, largest and mean number seen. */
  readonly low: number
  readonly high: number
  readonly mean: number
  /** Digits behind the point that all numbers seen do with, up to 6: what is drawn is rounded to them. Left out: more. */
  readonly decimals?: number
  readonly missing: 'error' | 'mean'
  readonly range: RangePolicy
}

/**
 * A column with a few values. 'categorical': one-hot, a number of the row per level; 'binary': 0 or 1; 'ordinal' and 'cyclic': the place
 * of the level, 0 to levels - 1.
 */
export interface LevelsColumn {
  readonly kind: 'ordinal' | 'cyclic' | 'categorical' | 'binary'
  readonly name: string
  /** The values in the table, numbers or texts, in the order of their places. */
  readonly levels: readonly (string | number)[]
  /** The place of the most frequent level. */
  readonly mode: number
  /** One more level, the last, for cells that are missing or unseen. */
  readonly ownLevel?: true
  readonly missing: 'error' | 'mode' | 'own-level'
  readonly unseen: UnseenPolicy
}

export type TableColumn = NumericColumn | LevelsColumn

/** The schema of a table as plain JSON, from `data.schema`. */
export interface Schema {
  readonly columns: readonly TableColumn[]
  /** Cells of text that are missing. */
  readonly missingMarks: readonly string[]
}

/** Cells that mean "missing", as data.csv has them. */
export const MISSING_MARKS = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', 'None', '?'] as const

/** Levels of a column, with the one for missing and unseen cells, which is the last. */
export const levelsOf = ({ levels, ownLevel }: LevelsColumn): number => levels.length + (ownLevel ? 1 : 0)

/** Numbers of a row that a column becomes. */
export const codedWidth = (column: TableColumn): number => (column.kind === 'categorical' ? levelsOf(column) : 1)

type Fail = (path: string, problem: string) => never

const isOneOf = (value: unknown, words: readonly string[]) => typeof value === 'string' && words.includes(value)

function checkTransform(given: FittedTransform, at: string, fail: Fail): void {
  const { kind } = requireOptions(at, given, ['kind', 'mean', 'scale', 'quantiles'] as never)
  if (!isOneOf(kind, NUMBER_TRANSFORMS)) fail(`${at}.kind`, `must be one of ${NUMBER_TRANSFORMS.join(', ')}`)
  if (given.kind === 'quantile') {
    const q: unknown = given.quantiles
    const ascending =
      Array.isArray(q) && q.length > 1 && q.every((v, k) => Number.isFinite(v) && (k === 0 || v >= q[k - 1]))
    if (!ascending) fail(`${at}.quantiles`, 'must be at least 2 numbers that do not fall')
  } else if (given.kind !== 'none') {
    if (!Number.isFinite(given.mean)) fail(`${at}.mean`, 'must be a number')
    if (!(Number.isFinite(given.scale) && given.scale > 0)) fail(`${at}.scale`, 'must be a number above 0')
  }
}

const NUMERIC = ['kind', 'name', 'transform', 'low', 'high', 'mean', 'decimals', 'missing', 'range'] as const
const LEVELS = ['kind', 'name', 'levels', 'mode', 'ownLevel', 'missing', 'unseen'] as const

function checkNumeric(column: NumericColumn, at: string, fail: Fail): void {
  requireOptions(at, column, NUMERIC)
  const { low, high, mean, decimals, missing, range } = column
  checkTransform(column.transform, `${at}.transform`, fail)
  if (![low, high, mean].every(Number.isFinite) || low > high) fail(`${at}.low`, 'low, high and mean must be numbers')
  if (decimals !== undefined && !(Number.isInteger(decimals) && decimals >= 0 && decimals <= 6))
    fail(`${at}.decimals`, 'must be a whole number from 0 to 6')
  if (!isOneOf(missing, ['error', 'mean'])) fail(`${at}.missing`, "of numbers must be 'error' or 'mean'")
  if (!isOneOf(range, RANGE_POLICIES)) fail(`${at}.range`, `must be one of ${RANGE_POLICIES.join(', ')}`)
}

function checkLevels(column: LevelsColumn, at: string, fail: Fail): void {
  requireOptions(at, column, LEVELS)
  const { kind, levels, mode, ownLevel, missing, unseen } = column
  const kinds = Array.isArray(levels) ? new Set(levels.map((level) => typeof level)) : new Set()
  const numbers = kinds.has('number')
  if (kinds.size !== 1 || !(numbers || kinds.has('string')) || (numbers && !levels.every(Number.isFinite)))
    fail(`${at}.levels`, 'must be a list of numbers or a list of texts')
  if (new Set<unknown>(levels).size !== levels.length) fail(`${at}.levels`, 'names a level twice')
  if (!(Number.isInteger(mode) && mode >= 0 && mode < levels.length)) fail(`${at}.mode`, 'must be the place of a level')
  if (!isOneOf(missing, ['error', 'mode', 'own-level']))
    fail(`${at}.missing`, "of levels must be 'error', 'mode' or 'own-level'")
  if (!isOneOf(unseen, UNSEEN_POLICIES)) fail(`${at}.unseen`, `must be one of ${UNSEEN_POLICIES.join(', ')}`)
  if (ownLevel !== undefined && ownLevel !== true) fail(`${at}.ownLevel`, 'must be true, or left out')
  if (ownLevel && kind !== 'categorical') fail(`${at}.ownLevel`, `is for categorical columns, this one is ${kind}`)
  if ((missing === 'own-level' || unseen === 'own-level') && !ownLevel)
    fail(
      `${at}.${missing === 'own-level' ? 'missing' : 'unseen'}`,
      `'${column.name}' has no level of its own for such cells`,
    )
  if (levelsOf(column) < 2) fail(`${at}.levels`, `'${column.name}' has one level, which says nothing; leave it out`)
  if (kind === 'binary' && levels.length !== 2) fail(`${at}.levels`, `a binary column has 2, got ${levels.length}`)
}

/**
 * A schema that comes from elsewhere (a file, a user), checked and frozen.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION naming the member
 */
export function checkSchema(value: unknown, owner = 'schema'): Schema {
  const fail: Fail = (path, problem) => {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${owner}: ${path}: ${problem}`, { details: { path } })
  }
  const given = requireOptions(owner, value as Schema, ['columns', 'missingMarks'])
  const { columns, missingMarks } = given
  if (!Array.isArray(columns) || columns.length === 0) fail('columns', 'must be a list of columns')
  if (!Array.isArray(missingMarks) || !missingMarks.every((mark) => typeof mark === 'string'))
    fail('missingMarks', 'must be a list of texts')
  const names = new Set<string>()
  for (const [k, column] of columns.entries()) {
    const at = `columns[${k}]`
    if (typeof column !== 'object' || column === null || typeof column.name !== 'string')
      fail(`${at}.name`, 'must be a text')
    if (names.has(column.name)) fail(`${at}.name`, `'${column.name}' is the name of an earlier column`)
    names.add(column.name)
    if (!isOneOf(column.kind, COLUMN_KINDS)) fail(`${at}.kind`, `must be one of ${COLUMN_KINDS.join(', ')}`)
    if (column.kind === 'numeric') checkNumeric(column, at, fail)
    else checkLevels(column, at, fail)
  }
  return freeze(toPlain(given, owner) as Schema)
}

/** What is done about cells that do not fit, where it is not what the schema says. */
export interface Policies {
  missing?: MissingPolicy | readonly MissingPolicy[]
  unseen?: UnseenPolicy
  range?: RangePolicy
}

/** The first of the policies that a column of numbers, or of levels, can have; 'error' where none is. */
export function missingOf<T extends MissingPolicy>(given: Policies['missing'], possible: readonly T[]): T | 'error' {
  const list: readonly string[] = given === undefined ? [] : [given].flat()
  for (const policy of list) {
    if (policy === 'error') return 'error'
    const found = possible.find((each) => each === policy)
    if (found !== undefined) return found
  }
  return 'error'
}

/** @throws ERR_LANGEVIN_INVALID_OPTION for a word that is none */
export function requirePolicies(owner: string, { missing, unseen, range }: Policies): void {
  const check = (path: string, value: unknown, words: readonly string[]) => {
    if (value === undefined || isOneOf(value, words)) return
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${owner}: ${path}: must be one of ${words.join(', ')}, got ${JSON.stringify(value)}`,
      { details: { path } },
    )
  }
  for (const each of missing === undefined ? [] : [missing].flat()) check('missing', each, MISSING_POLICIES)
  check('unseen', unseen, UNSEEN_POLICIES)
  check('range', range, RANGE_POLICIES)
}

/**
 * A schema with other policies, for rows to score. A level of its own cannot be added to what was trained.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION
 */
export function withPolicies(schema: Schema, policies: Policies): Schema {
  requirePolicies('policies', policies)
  const { missing, unseen, range } = policies
  const columns = schema.columns.map((column): TableColumn => {
    if (column.kind === 'numeric') {
      const filled = missing === undefined ? column.missing : missingOf(missing, ['mean'])
      return { ...column, missing: filled, range: range ?? column.range }
    }
    const { ownLevel } = column
    return {
      ...column,
      missing: missing === undefined ? column.missing : missingOf(missing, ownLevel ? ['mode', 'own-level'] : ['mode']),
      unseen: unseen === undefined ? column.unseen : unseen === 'own-level' && !ownLevel ? 'error' : unseen,
    }
  })
  return checkSchema({ ...schema, columns })
}
