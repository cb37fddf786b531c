/** The cells of a column of a table: numbers or texts, and which of them are missing. */
import { LangevinError } from '../errors.js'
import type { Dataset } from './dataset.js'

export interface Cells {
  readonly length: number
  /** Of a column of numbers; missing ones are NaN. */
  readonly numbers: Float64Array | undefined
  /** Of a column of texts: their places in `texts`; empty otherwise. */
  readonly codes: Int32Array
  readonly texts: readonly string[]
  readonly missingCount: number
  /** Row, from 0, of the first missing cell, and of the first that is a text and not missing; -1: none. */
  readonly firstMissing: number
  readonly firstText: number
  missing(row: number): boolean
  /** The cell of a row where it is not missing. */
  value(row: number): string | number
  /** How many rows have each value; missing cells are not counted. */
  counts(): ReadonlyMap<string | number, number>
}

type Numbers = ReturnType<ReturnType<Dataset['column']>['toTypedArray']>

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Codes of texts, which are below 2^31. */
function codesIn(array: Numbers): Int32Array {
  if (!(array instanceof BigInt64Array) || !LITTLE_ENDIAN)
    return Int32Array.from(array as Iterable<number | bigint>, Number)
  // The lower half of each number: a tenth of the time of BigInts.
  const halves = new Int32Array(array.buffer, array.byteOffset, 2 * array.length)
  const codes = new Int32Array(array.length)
  for (let i = 0; i < codes.length; i++) codes[i] = halves[2 * i]!
  return codes
}

function textCells(array: Numbers, texts: readonly string[], marks: ReadonlySet<string>): Cells {
  const codes = codesIn(array)
  const gone = Uint8Array.from(texts, (text) => Number(marks.has(text)))
  const rows = new Float64Array(texts.length)
  let [missingCount, firstMissing, firstText] = [0, -1, -1]
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!
    rows[code]!++
    if (gone[code] === 1) {
      missingCount++
      if (firstMissing < 0) firstMissing = i
    } else if (firstText < 0) firstText = i
  }
  return {
    length: codes.length,
    numbers: undefined,
    codes,
    texts,
    missingCount,
    firstMissing,
    firstText,
    missing: (row) => gone[codes[row]!] === 1,
    value: (row) => texts[codes[row]!]!,
    counts: () => new Map(texts.flatMap((text, k) => (gone[k] === 1 || rows[k] === 0 ? [] : [[text, rows[k]!]]))),
  }
}

function numberCells(array: Numbers): Cells {
  const numbers = array instanceof Float64Array ? array : Float64Array.from(array as Iterable<number | bigint>, Number)
  let [missingCount, firstMissing] = [0, -1]
  for (let i = 0; i < numbers.length; i++) {
    if (!Number.isNaN(numbers[i]!)) continue
    missingCount++
    if (firstMissing < 0) firstMissing = i
  }
  return {
    length: numbers.length,
    numbers,
    codes: new Int32Array(0),
    texts: [],
    missingCount,
    firstMissing,
    firstText: -1,
    missing: (row) => Number.isNaN(numbers[row]!),
    value: (row) => numbers[row]! + 0,
    counts: () => {
      const counts = new Map<number, number>()
      for (const x of numbers) if (!Number.isNaN(x)) counts.set(x + 0, (counts.get(x + 0) ?? 0) + 1)
      return counts
    },
  }
}

/**
 * @param marks texts that are missing cells
 * @throws ERR_LANGEVIN_INVALID_OPTION for a column of several numbers, or an infinite one, naming column and row
 */
export function cellsOf(dataset: Dataset, name: string, marks: ReadonlySet<string>): Cells {
  const column = dataset.column(name)
  const fail = (problem: string, details: object = {}): never => {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `column '${name}'${problem}`, {
      details: { column: name, ...details },
    })
  }
  if (column.shape.length !== 1) fail(' holds several numbers a row; a schema is of columns of one cell')
  const array = column.toTypedArray()
  if (Object.hasOwn(dataset.categories, name)) return textCells(array, dataset.categories[name]!, marks)
  const cells = numberCells(array)
  const infinite = cells.numbers!.findIndex((x) => x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY)
  if (infinite >= 0)
    fail(`, row ${infinite + 1}: ${cells.numbers![infinite]} is not a finite number`, { row: infinite + 1 })
  return cells
}
