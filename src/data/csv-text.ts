/** A data set as lines of a table of text. */
import type { Dataset } from './dataset.js'

export interface CsvForm {
  delimiter: string
  /** Whether the first line names the columns. */
  header: boolean
  /** What stands for a missing number. */
  missing: string
  /** The decimal mark. */
  decimal: '.' | ','
}

/** Rows that become one text. */
const ROWS = 4096

const quoted = (text: string, delimiter: string) =>
  text === '' || !(text.includes(delimiter) || /["\r\n]|^\s|\s$/.test(text)) ? text : `"${text.replaceAll('"', '""')}"`

/** The lines of a table, some thousands at a time; numbers in as few digits as give them back. */
export function* csvLines(table: Dataset, { delimiter, header, missing, decimal }: CsvForm): Generator<string> {
  if (header) yield `${table.columns.map((name) => quoted(name, delimiter)).join(delimiter)}\n`
  const cells = table.columns.map((name) => {
    const values = table.column(name).toTypedArray()
    const texts = Object.hasOwn(table.categories, name)
      ? table.categories[name]!.map((text) => quoted(text, delimiter))
      : undefined
    return (row: number) => {
      const value = Number(values[row])
      if (texts !== undefined) return texts[value]!
      if (Number.isNaN(value)) return missing
      return decimal === '.' ? String(value) : quoted(String(value).replace('.', decimal), delimiter)
    }
  })
  for (let start = 0; start < table.length; start += ROWS) {
    const count = Math.min(ROWS, table.length - start)
    const lines = Array.from({ length: count }, (_, i) => cells.map((cell) => cell(start + i)).join(delimiter))
    yield `${lines.join('\n')}\n`
  }
}
