/** Two tables side by side, column by column: what is compared of them. */
import type { Schema } from '../columns/index.js'
import type { Dataset } from '../data/dataset.js'
import { type Cells, cellsOf } from '../data/table-cells.js'

/** What a column is compared as. */
export type ComparedKind = 'number' | 'category'

/** The same column of several tables, the real one first. */
export interface SideColumn {
  readonly name: string
  readonly kind: ComparedKind
  /** Of numbers, NaN where the cell is missing; of categories empty. */
  readonly numbers: readonly Float64Array[]
  /** Places in `levels`; of numbers empty. A missing cell has the place after the last level. */
  readonly codes: readonly Int32Array[]
  /** The values of all tables: those of the schema first, then others in the order they occur. */
  readonly levels: readonly string[]
}

function numbersIn(cells: Cells): Float64Array {
  // A column whose cells are all missing is read as text.
  return cells.numbers ?? new Float64Array(cells.length).fill(Number.NaN)
}

/** The columns of a schema in several tables. A cell of a column of levels is known by its text, so that 1 and '1' are the same. */
export function sideBySide(schema: Schema, tables: readonly Dataset[]): SideColumn[] {
  const marks = new Set(schema.missingMarks)
  return schema.columns.map((column): SideColumn => {
    const { name } = column
    const all = tables.map((table) => cellsOf(table, name, marks))
    if (column.kind === 'numeric') return { name, kind: 'number', numbers: all.map(numbersIn), codes: [], levels: [] }
    const places = new Map(column.levels.map((level, k) => [String(level), k]))
    const rough = all.map((cells) =>
      Int32Array.from({ length: cells.length }, (_, i) => {
        if (cells.missing(i)) return -1
        const text = String(cells.value(i))
        const place = places.get(text) ?? places.size
        places.set(text, place)
        return place
      }),
    )
    const codes = rough.map((list) => list.map((code) => (code < 0 ? places.size : code)))
    return { name, kind: 'category', numbers: [], codes, levels: [...places.keys()] }
  })
}
