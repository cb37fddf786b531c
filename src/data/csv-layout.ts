/** What the beginning of a table of text says: lines to leave out at the top, and the delimiter. */
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import type { TextSource } from './csv-source.js'
import { lookAlike, type NumberStyle, normalised, PLAIN } from './number-text.js'

export interface Layout {
  delimiter: string
  /** Line of the first record. */
  line: number
  /** Lines at the top that begin with '#', as cells: one of them may name the columns. */
  comments: { cells: string[]; line: number }[]
}

const DELIMITERS = [',', ';', '\t']
const SHOWN: Record<string, string> = { '\t': 'tab' }

/** Counts of a delimiter in a line, outside quotes. */
function count(line: string, delimiter: string): number {
  let quoted = false
  let found = 0
  for (const character of line) {
    if (character === '"') quoted = !quoted
    else if (character === delimiter && !quoted) found++
  }
  return found
}

/** Whether commas stand in decimal numbers only, when cells are separated by `delimiter`. */
function decimalCommas(lines: readonly string[], delimiter: string): boolean {
  const cells = lines.flatMap((line) => line.split(delimiter)).filter((cell) => cell.includes(','))
  const comma: NumberStyle = { decimal: ',', thousands: undefined }
  return cells.every((cell) => normalised(cell.trim(), comma) !== undefined || lookAlike(cell.trim()) !== undefined)
}

/** The delimiter that occurs equally often in every line. */
function detect(lines: readonly string[], path: string, style: NumberStyle): string {
  const candidates = DELIMITERS.filter((each) => each !== style.decimal && each !== style.thousands)
  const counts = candidates.map((delimiter) => lines.map((line) => count(line, delimiter)))
  const even = candidates.filter((_, k) => counts[k]!.every((n) => n > 0 && n === counts[k]![0]))
  const present = candidates.filter((_, k) => counts[k]!.some((n) => n > 0))
  if (even.length === 1) return even[0]!
  // Decimal commas in quotes.
  if (present.length === 0 && lines.some((line) => line.includes('"'))) return ','
  if (even.length === 0 && present.length <= 1) return present[0] ?? candidates[0]!
  // 1,5;2,5: the commas are decimal, which the cells will be refused for with the remedy.
  const others = even.filter((each) => each !== ',')
  if (others.length === 1 && even.includes(',') && decimalCommas(lines, others[0]!)) return others[0]!
  const listed = (even.length > 1 ? even : present).map((each) => `'${SHOWN[each] ?? each}'`).join(' and ')
  throw new LangevinError(
    'ERR_LANGEVIN_FORMAT',
    `${path}: what separates the cells is not clear (${listed} may both do); give { delimiter }`,
    { details: { path } },
  )
}

/** Cells of a comment line without quotes. */
const cellsOf = (line: string, delimiter: string) =>
  line
    .replace(/^#+/, '')
    .split(delimiter)
    .map((cell) => cell.trim())

/**
 * Looks at the beginning of the file and moves the source to the first record: blank lines and comments at the top are left out.
 */
export function inspect(source: TextSource, given: string | undefined, style: NumberStyle = PLAIN): Layout {
  const { path, sample } = source
  const mark = sample.length >= 3 && sample.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0
  // As latin1, a character is a byte: what is looked for here is ASCII.
  const text = sample.toString('latin1', mark)
  const comments: string[] = []
  const numbers: number[] = []
  let line = 1
  let at = 0
  for (const [whole, content = ''] of text.matchAll(/([^\r\n]*)(?:\r\n|\n|\r|$)/g)) {
    // adult.test of the UCI census table begins with a '|' line; '#' is the common mark.
    const comment = content.startsWith('#') || (content.startsWith('|') && given !== '|')
    if (whole === '' || (content.trim() !== '' && !comment)) break
    if (content.startsWith('#')) {
      comments.push(sample.toString('utf8', mark + at, mark + at + content.length))
      numbers.push(line)
    }
    at += whole.length
    line++
  }
  const body = text.slice(at).split(/\r\n|\n|\r/)
  // The last line of the sample may be cut off.
  if (body.length > 1) body.pop()
  const lines = body.filter((each) => each.trim() !== '').slice(0, 50)
  if (lines.length === 0) throw formatError(path, sample.length, 'the file holds no rows')
  source.skip(mark + at)
  const delimiter = given ?? detect(lines, path, style)
  const split = comments.map((comment, k) => ({ cells: cellsOf(comment, delimiter), line: numbers[k]! }))
  return { delimiter, line, comments: split }
}
