/** SVG elements as text, and dot plots. */
import { line as lineOf } from 'd3-shape'
import { escapeHtml, type Html, raw } from './html.js'
import { linearScale, logScale } from './scale.js'

/** Colours of a page that change with light and dark paper; the second of each is for pictures outside a page. */
export const ACCENT = 'var(--accent,#0b6e75)'
export const REFERENCE = 'var(--reference,#b4502f)'
const OTHER = 'var(--other,#6b7787)'

/** Pictures wider than this keep a readable size on a narrow screen and scroll. */
const WIDE = 460

type Attributes = Record<string, string | number | undefined>

/** One SVG element as text; attribute values are escaped. */
export function element(name: string, attributes: Attributes, children = ''): string {
  const text = Object.entries(attributes)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => ` ${k}="${typeof v === 'number' ? round(v) : escapeHtml(v as string)}"`)
    .join('')
  return children === '' ? `<${name}${text}/>` : `<${name}${text}>${children}</${name}>`
}

export function round(v: number): string {
  return String(Math.round(v * 100) / 100)
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeHtml(text))
}

export function svg(width: number, height: number, children: string[], title: string): Html {
  const body = `<title>${escapeHtml(title)}</title>${children.join('')}`
  // Four fifths of its size is the least that its letters can be read at.
  const [wide, least] = width > WIDE ? [' class="wide"', `;--least:${round(0.8 * width)}px`] : ['', '']
  return raw(
    `<svg xmlns="http://www.w3.org/2000/svg" role="img"${wide} viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" style="max-width:100%;height:auto${least}">${body}</svg>`,
  )
}

const pathOf = lineOf()
  .defined(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
  .digits(2)

/** Path through points; a pair that is not finite lifts the pen. */
export function polyline(points: readonly (readonly [number, number])[], attributes: Attributes): string {
  const d = pathOf(points as [number, number][]) ?? ''
  return element('path', { d, fill: 'none', ...attributes })
}

export interface DotRow {
  label: string
  values: readonly number[]
  mark?: boolean
}

export interface DotPlotOptions {
  title: string
  unit: string
  low: number
  high: number
  /** Logarithmic x; values below `low` are drawn at it. */
  log?: boolean
  reference?: { value: number; label: string }
  /** Pixels; default 760. */
  width?: number
}

const DOTS = { right: 24, top: 30, line: 22 } as const
/** A bold letter of a label is about so wide, in pixels. */
const LETTER = 7.4

/** One line per row: a dot for every seed and a bar at their mean. Shows the spread that a bar chart hides. */
export function dotPlot(rows: readonly DotRow[], options: DotPlotOptions): Html {
  const { right, top, line } = DOTS
  const left = 16 + LETTER * Math.max(...rows.map((row) => row.label.length), 8)
  const width = options.width ?? 760
  const bottom = top + rows.length * line
  const x = (options.log ? logScale : linearScale)(options.low, options.high, left, width - right, 4)
  const at = (v: number) => x.at(options.log ? Math.max(v, options.low) : v)
  const parts: string[] = [label(0, 14, options.title, { 'font-weight': 600 })]
  for (const v of x.ticks) {
    const grid = { stroke: 'currentColor', 'stroke-opacity': 0.15 }
    parts.push(element('line', { x1: at(v), x2: at(v), y1: top, y2: bottom, ...grid }))
    parts.push(label(at(v), bottom + 16, x.text(v), { 'text-anchor': 'middle' }))
  }
  parts.push(label(left, bottom + 31, options.unit))
  if (options.reference) {
    const v = at(options.reference.value)
    parts.push(element('line', { x1: v, x2: v, y1: top, y2: bottom, stroke: REFERENCE, 'stroke-dasharray': '4 3' }))
    parts.push(label(v + 4, top - 2, options.reference.label, { fill: REFERENCE }))
  }
  rows.forEach((row, i) => {
    parts.push(...dots(row, at, left, top + line * (i + 0.5)))
  })
  return svg(width, bottom + 34, parts, options.title)
}

function dots(row: DotRow, at: (v: number) => number, left: number, y: number): string[] {
  const fill = row.mark ? ACCENT : OTHER
  const mean = row.values.reduce((a, b) => a + b, 0) / Math.max(row.values.length, 1)
  return [
    label(left - 8, y + 4, row.label, { 'text-anchor': 'end', 'font-weight': row.mark ? 700 : 400 }),
    ...row.values.map((v) => element('circle', { cx: at(v), cy: y, r: 3.5, fill, 'fill-opacity': 0.6 })),
    element('line', { x1: at(mean), x2: at(mean), y1: y - 8, y2: y + 8, stroke: fill, 'stroke-width': 2.5 }),
  ]
}
