/** SVG elements as text, and dot plots. */
import { escapeHtml, type Html, raw } from './html.js'

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
  return raw(
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" style="max-width:100%;height:auto">${body}</svg>`,
  )
}

/** Path through points; `NaN` pairs lift the pen. */
export function polyline(points: readonly (readonly [number, number])[], attributes: Attributes): string {
  let pen = 'M'
  let d = ''
  for (const [x, y] of points) {
    if (Number.isNaN(x) || Number.isNaN(y)) {
      pen = 'M'
      continue
    }
    d += `${pen}${round(x)} ${round(y)}`
    pen = 'L'
  }
  return element('path', { d, fill: 'none', ...attributes })
}

export interface DotRow {
  label: string
  values: readonly number[]
  mark?: boolean
}

/** One line per row: a dot for every seed and a bar at their mean. Shows the spread that a bar chart hides. */
export function dotPlot(
  rows: readonly DotRow[],
  options: {
    title: string
    unit: string
    low: number
    high: number
    reference?: { value: number; label: string }
    /** Pixels; default 760. */
    width?: number
  },
): Html {
  const [left, right, top, line] = [170, 24, 30, 22]
  const width = options.width ?? 760
  const height = top + rows.length * line + 34
  const scale = (v: number) => left + ((v - options.low) / (options.high - options.low)) * (width - left - right)
  const parts: string[] = [label(0, 14, options.title, { 'font-weight': 600 })]
  const bottom = top + rows.length * line
  for (let i = 0; i <= 4; i++) {
    const v = options.low + ((options.high - options.low) * i) / 4
    parts.push(
      element('line', {
        x1: scale(v),
        x2: scale(v),
        y1: top,
        y2: bottom,
        stroke: 'currentColor',
        'stroke-opacity': 0.15,
      }),
    )
    parts.push(label(scale(v), bottom + 16, v.toPrecision(2), { 'text-anchor': 'middle' }))
  }
  parts.push(label(left, bottom + 31, options.unit))
  if (options.reference) {
    const x = scale(options.reference.value)
    parts.push(element('line', { x1: x, x2: x, y1: top, y2: bottom, stroke: '#b4502f', 'stroke-dasharray': '4 3' }))
    parts.push(label(x + 4, top - 2, options.reference.label, { fill: '#b4502f' }))
  }
  rows.forEach((row, i) => {
    const y = top + line * (i + 0.5)
    parts.push(label(left - 8, y + 4, row.label, { 'text-anchor': 'end', 'font-weight': row.mark ? 700 : 400 }))
    const fill = row.mark ? '#0b6e75' : '#7b8794'
    for (const v of row.values)
      parts.push(element('circle', { cx: scale(v), cy: y, r: 3.5, fill, 'fill-opacity': 0.6 }))
    const mean = row.values.reduce((a, b) => a + b, 0) / Math.max(row.values.length, 1)
    parts.push(
      element('line', { x1: scale(mean), x2: scale(mean), y1: y - 8, y2: y + 8, stroke: fill, 'stroke-width': 2.5 }),
    )
  })
  return svg(width, height, parts, options.title)
}
