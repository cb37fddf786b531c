/** data.schema: says what the columns of a data set are, and why. */
import {
  COLUMN_KINDS,
  checkSchema,
  fitTransform,
  type LevelsColumn,
  MISSING_MARKS,
  missingOf,
  NUMBER_TRANSFORMS,
  type NumberTransform,
  type NumericColumn,
  type Policies,
  requirePolicies,
  type Schema,
  type TableColumn,
  type TableColumnKind,
} from '../columns/index.js'
import { LangevinError } from '../errors.js'
import { requireOptions } from '../spec/index.js'
import type { Dataset } from './dataset.js'
import { type Cells, cellsOf } from './table-cells.js'

/** What a user says of a column; members that are left out are found in the data. */
export interface ColumnChoice extends Policies {
  kind: TableColumnKind
  /** Values in the order of their places; an ordinal column of texts needs them. */
  levels?: readonly (string | number)[]
  /** Of a numeric column. */
  transform?: NumberTransform
}

export interface SchemaOptions extends Policies {
  /**
   * What columns are where the data do not say: 'numeric', 'categorical', 'binary', 'ordinal', 'cyclic', the last two also with
   * their number of levels, 'cyclic(12)'; or { kind, levels, transform, missing, unseen, range }.
   */
  columns?: Readonly<Record<string, string | ColumnChoice>>
  /** Of numeric columns. Default 'quantile'. */
  transform?: NumberTransform
  /** Quantiles kept per column, at most. Default 1000. */
  quantiles?: number
  /** Cells of text that are missing. Default: those of data.csv. */
  missingMarks?: readonly string[]
  /** More levels than this are refused in columns that were not said to be categorical. Default 1000. */
  maxLevels?: number
}

/** A schema, and for each column the reason for what it was taken to be. */
export interface InferredSchema {
  readonly schema: Schema
  readonly reasons: Readonly<Record<string, string>>
}

function fail(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `data.schema: ${problem}`, { details })
}

const shown = (value: string | number) => (typeof value === 'string' ? `'${value.slice(0, 40)}'` : String(value))
const listed = (values: readonly (string | number)[]) =>
  values.slice(0, 6).map(shown).join(', ') + (values.length > 6 ? ', ...' : '')

type Parsed = ColumnChoice & { count?: number }

/** 'cyclic(12)' as { kind, count }. */
function choiceOf(name: string, given: string | ColumnChoice): Parsed {
  const at = `columns.${name}`
  if (typeof given !== 'string') {
    const known = ['kind', 'levels', 'transform', 'missing', 'unseen', 'range'] as const
    const choice = requireOptions(`data.schema: ${at}`, given, known)
    if (!COLUMN_KINDS.includes(choice.kind)) fail(`${at}.kind: must be one of ${COLUMN_KINDS.join(', ')}`)
    if (choice.transform !== undefined && !NUMBER_TRANSFORMS.includes(choice.transform))
      fail(`${at}.transform: must be one of ${NUMBER_TRANSFORMS.join(', ')}`)
    requirePolicies(`data.schema: ${at}`, choice)
    return choice
  }
  const [, word = '', count] = /^([a-z]+)(?:\((\d+)\))?$/.exec(given) ?? []
  const kind = word as TableColumnKind
  const transform = word as NumberTransform
  if (count === undefined && transform !== 'none' && NUMBER_TRANSFORMS.includes(transform))
    return { kind: 'numeric', transform }
  if (!COLUMN_KINDS.includes(kind) || (kind === 'numeric' && count !== undefined)) {
    const forms = 'numeric, ordinal(K), cyclic(K), categorical, binary; or of numbers quantile, standardize, log'
    fail(`${at}: '${given}' is no kind of column; one of ${forms}`, { column: name })
  }
  return count === undefined ? { kind } : { kind, count: Number(count) }
}

interface Asked {
  readonly name: string
  readonly cells: Cells
  readonly choice: Parsed | undefined
  readonly options: SchemaOptions
}

/** Digits behind the point that all numbers do with; undefined where six are not enough. */
function decimalsOf(values: Float64Array): number | undefined {
  let digits = 0
  for (const value of values) {
    while (digits <= 6 && Number(value.toFixed(digits)) !== value) digits++
    if (digits > 6) return undefined
  }
  return digits
}

function numericColumn({ name, cells, choice, options }: Asked): NumericColumn {
  if (cells.numbers === undefined) {
    const row = cells.firstText + 1
    fail(
      `column '${name}' holds text (${shown(cells.texts[cells.codes[row - 1]!]!)}, row ${row}) and cannot be numeric`,
      {
        column: name,
        row,
      },
    )
  }
  const values = cells.numbers.filter((value) => !Number.isNaN(value))
  let [low, high, sum] = [values[0]!, values[0]!, 0]
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
    sum += value / values.length
  }
  const kind = choice?.transform ?? options.transform ?? 'quantile'
  if (kind === 'log' && low < 0) {
    const row = cells.numbers.indexOf(low) + 1
    fail(`column '${name}', row ${row}: ${low} is below 0, which transform 'log' (of 1 + x) does not take`, {
      column: name,
      row,
    })
  }
  const decimals = decimalsOf(values)
  return {
    kind: 'numeric',
    name,
    transform: fitTransform(kind, values, options.quantiles ?? 1000),
    low,
    high,
    // The sum of shares may be a rounding beyond them.
    mean: Math.min(Math.max(sum, low), high),
    ...(decimals !== undefined && { decimals }),
    missing: missingOf(choice?.missing ?? options.missing, ['mean']),
    range: choice?.range ?? options.range ?? 'error',
  }
}

/** Whole numbers from `from` on. */
const counted = (from: number, count: number) => Array.from({ length: count }, (_, k) => from + k)

/** The levels of an ordinal or cyclic column. */
function orderedLevels(
  { name, cells, choice }: Asked,
  seen: readonly (string | number)[],
): readonly (string | number)[] {
  const { kind, count } = choice!
  if (cells.numbers === undefined) {
    if (count !== undefined && count !== seen.length)
      fail(`column '${name}' has ${seen.length} levels (${listed(seen)}), not ${count}`, { column: name })
    return fail(
      `column '${name}': texts have no order of their own; list them: { kind: '${kind}', levels: [${listed(seen)}] } in their order`,
      { column: name },
    )
  }
  const numbers = seen as readonly number[]
  const [low, high] = [numbers[0]!, numbers.at(-1)!]
  if (!numbers.every(Number.isSafeInteger)) {
    if (count === undefined || count === numbers.length) return numbers
    fail(`column '${name}' has ${numbers.length} levels, not ${count}: ${listed(numbers)}`, { column: name })
  }
  if (count === undefined) {
    // A year has December though the table may not.
    if (kind === 'cyclic' && high - low + 1 !== numbers.length)
      fail(`column '${name}': ${listed(numbers)} leave gaps; say how many levels the ring has: cyclic(K)`, {
        column: name,
      })
    return numbers
  }
  if (low < 0 || high > count || (low === 0 && high === count))
    fail(`column '${name}' has values ${low} to ${high}, which are not ${count} levels from 0 or 1`, { column: name })
  if (low === 0) return counted(0, count)
  if (high === count) return counted(1, count)
  return fail(
    `column '${name}' has values ${low} to ${high}: do its ${count} levels begin at 0 or at 1? List them: { kind: '${kind}', levels: [...] }`,
    { column: name },
  )
}

/** A level of the table that is not among those a user listed. */
function refuseForeign({ name, cells }: Asked, levels: readonly (string | number)[]): void {
  const known = new Set<unknown>(levels)
  const row = Array.from({ length: cells.length }, (_, i) => i).find(
    (i) => !cells.missing(i) && !known.has(cells.value(i)),
  )
  if (row === undefined) return
  fail(`column '${name}', row ${row + 1}: ${shown(cells.value(row))} is not among its levels ${listed(levels)}`, {
    column: name,
    row: row + 1,
  })
}

function levelsColumn(asked: Asked, kind: LevelsColumn['kind']): LevelsColumn {
  const { name, cells, choice, options } = asked
  const counts = cells.counts()
  const seen = [...counts.keys()].sort((a, b) => (typeof a === 'number' ? a - (b as number) : a < b ? -1 : 1))
  const limit = options.maxLevels ?? 1000
  if (choice?.kind !== 'categorical' && seen.length > limit) {
    fail(
      `column '${name}' has ${seen.length} levels (${listed(seen)}), more than maxLevels = ${limit}; leave it out if it names the rows (--ignore ${name}), or say { columns: { ${JSON.stringify(name)}: 'categorical' } } (--columns ${name}:categorical)`,
      { column: name, levels: seen.length },
    )
  }
  const ordered = kind === 'ordinal' || kind === 'cyclic'
  const levels = choice?.levels ?? (ordered ? orderedLevels(asked, seen) : seen)
  if (choice?.count !== undefined && choice.count !== levels.length)
    fail(`column '${name}' has ${levels.length} levels (${listed(levels)}), not ${choice.count}`, { column: name })
  if (choice?.levels !== undefined) refuseForeign(asked, levels)
  const own = kind === 'categorical'
  // Without a missing cell there is nothing to learn of a level for them.
  const gaps = own && cells.missingCount > 0
  const missing = missingOf(choice?.missing ?? options.missing, gaps ? ['mode', 'own-level'] : ['mode'])
  const unseen = choice?.unseen ?? options.unseen ?? 'error'
  const given = { missing, unseen: unseen === 'own-level' && !own ? 'error' : unseen } as const
  const ownLevel = given.missing === 'own-level' || given.unseen === 'own-level'
  if (levels.length + Number(ownLevel) < 2) {
    fail(
      `column '${name}' has one level (${listed(levels)}), which says nothing; leave it out: --ignore ${name}, dataset.drop([...])`,
      {
        column: name,
      },
    )
  }
  const often = levels.map((level) => counts.get(level) ?? 0)
  const most = often.indexOf(often.reduce((a, b) => Math.max(a, b)))
  return { kind, name, levels: [...levels], mode: most, ...(ownLevel && { ownLevel }), ...given }
}

/** What a column is by its cells, and why. */
function kindOf({ cells, choice, options }: Asked): { kind: TableColumnKind; reason: string } {
  if (choice !== undefined) return { kind: choice.kind, reason: 'as it was said' }
  const different = cells.counts().size
  if (cells.numbers === undefined) {
    // A third level, of missing cells, makes it categorical.
    const third = cells.missingCount > 0 && missingOf(options.missing, ['mode', 'own-level']) === 'own-level'
    return different === 2 && !third && options.unseen !== 'own-level'
      ? { kind: 'binary', reason: 'two different texts' }
      : { kind: 'categorical', reason: `${different} different texts` }
  }
  if (different === 2) return { kind: 'binary', reason: 'two different numbers' }
  const values = [...cells.counts().keys()] as number[]
  if (different === 1) return { kind: 'numeric', reason: 'numbers, all the same' }
  if (different > 12 || !values.every(Number.isInteger)) return { kind: 'numeric', reason: 'numbers' }
  const range = `${Math.min(...values)} to ${Math.max(...values)}`
  return {
    kind: 'numeric',
    reason: `numbers, but only ${different} different whole ones, ${range}: say ordinal, cyclic or categorical if they are levels`,
  }
}

function describe(column: TableColumn): string {
  if (column.kind === 'numeric') return `numeric (${column.transform.kind})`
  const count = column.levels.length + Number(column.ownLevel ?? false)
  return column.kind === 'binary' ? `binary (${listed(column.levels)})` : `${column.kind}(${count})`
}

/**
 * Finds out what the columns of a table are. Texts are categorical, or binary where there are two; numbers are numeric, or binary where
 * there are two different ones; ordinal and cyclic columns have to be named, since numbers do not say that they are ranks or hours.
 * Everything is in `schema`, plain JSON; `reasons` says it in words. `data.inputs(dataset, { schema })` makes a model keep it.
 *
 * Missing numbers are NaN and missing texts one of `missingMarks`: what `data.csv(path, { missing: 'keep' })` reads.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION naming column and row: one level, all cells missing, missing cells without a policy, too many levels,
 *   levels without an order
 */
export function schema(dataset: Dataset, options: SchemaOptions = {}): InferredSchema {
  const known = [
    'columns',
    'transform',
    'quantiles',
    'missingMarks',
    'maxLevels',
    'missing',
    'unseen',
    'range',
  ] as const
  requireOptions('data.schema', options, known)
  requirePolicies('data.schema', options)
  const { transform, quantiles = 1000, missingMarks = MISSING_MARKS, columns: choices = {} } = options
  if (transform !== undefined && !NUMBER_TRANSFORMS.includes(transform))
    fail(`transform: must be one of ${NUMBER_TRANSFORMS.join(', ')}`)
  if (!(Number.isInteger(quantiles) && quantiles >= 2)) fail('quantiles: must be a whole number of at least 2')
  for (const name of Object.keys(choices)) dataset.column(name)
  const marks = new Set(missingMarks)
  // The mark that the table has is the one that is written for missing cells.
  const used = Object.values(dataset.categories)
    .flat()
    .find((text) => marks.has(text))
  const ordered = used === undefined ? [...missingMarks] : [used, ...missingMarks.filter((mark) => mark !== used)]
  const reasons: [string, string][] = []
  const columns = dataset.columns.map((name): TableColumn => {
    const cells = cellsOf(dataset, name, marks)
    const given = Object.hasOwn(choices, name) ? choices[name]! : undefined
    const choice = given === undefined ? undefined : choiceOf(name, given)
    const asked = { name, cells, choice, options }
    if (cells.missingCount === cells.length)
      fail(`column '${name}': every cell is missing; leave it out: --ignore ${name}, dataset.drop([...])`, {
        column: name,
      })
    const { kind, reason } = kindOf(asked)
    const column = kind === 'numeric' ? numericColumn(asked) : levelsColumn(asked, kind)
    if (cells.missingCount > 0 && column.missing === 'error') {
      const words = kind === 'numeric' ? "'mean'" : kind === 'categorical' ? "'mode' or 'own-level'" : "'mode'"
      fail(
        `column '${name}', row ${cells.firstMissing + 1}: the cell is missing (${cells.missingCount} missing cells); say what to do: missing: ${words} (--missing)`,
        { column: name, row: cells.firstMissing + 1 },
      )
    }
    reasons.push([name, `${describe(column)}: ${reason}`])
    return column
  })
  return { schema: checkSchema({ columns, missingMarks: ordered }), reasons: Object.fromEntries(reasons) }
}
