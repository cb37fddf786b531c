/** The picture of the study: rows of shapes, columns of models, every log-density in one colour range. */
import { colour, heatmap } from '../../report/heatmap.js'
import type { Html } from '../../report/html.js'
import { element, label, polyline, svg } from '../../report/svg.js'
import { B, MODELS, PLANS, type SpandrelModel } from './models.js'
import type { Panel, SpandrelResult, Support } from './study.js'

/** Colours span these log-densities (nats, per unit of area): white where a uniform far region would hold about 0.5 %. */
export const RANGE: readonly [number, number] = [-8, 1.5]
const SIDE = 140
const GAP = 8
const LEFT = 122
const TOP = 46
const CURVE = '#f0563a'

type Column = SpandrelModel | 'truth'

export const titleOf = (column: Column): string => (column === 'truth' ? 'truth' : PLANS[column].title)

/** The columns that have a panel, truth first. */
function columnsOf(result: SpandrelResult): Column[] {
  return ['truth', ...MODELS.filter((model) => result.panels.some((panel) => panel.model === model))]
}

/** Scale from the plane to the square at (left, top) that shows [-half, half]^2. */
function scaled(half: number, left: number, top: number) {
  const unit = SIDE / (2 * half)
  return ([x, y]: readonly [number, number]): [number, number] => [left + (x + half) * unit, top + (half - y) * unit]
}

/** One square: the image, the frame, the curve; over twice the box also the box's outline. */
function square(panel: Panel, support: Support, half: number, left: number, top: number): string {
  const { side, values } = panel
  const window = half === B ? { first: side / 4, count: side / 2, stride: 1 } : { first: 0, count: side / 2, stride: 2 }
  const href = heatmap(values, side, side, RANGE, window)
  const place = { x: left, y: top, width: SIDE, height: SIDE }
  const at = scaled(half, left, top)
  const parts = [
    element('image', { ...place, href, preserveAspectRatio: 'none' }),
    ...support.curves.map((line) => polyline(line.map(at), { stroke: CURVE, 'stroke-width': 1 })),
  ]
  if (half === B) {
    for (const { low, high } of support.bridges) {
      const [x0, y0] = at([low[0], high[1]])
      const [x1, y1] = at([high[0], low[1]])
      const dash = { stroke: CURVE, fill: 'none', 'stroke-dasharray': '3 3', 'stroke-width': 0.8 }
      parts.push(element('rect', { x: x0, y: y0, width: x1 - x0, height: y1 - y0, ...dash }))
    }
  } else {
    const [x, y] = at([-B, B])
    parts.push(element('rect', { x, y, width: SIDE / 2, height: SIDE / 2, fill: 'none', stroke: '#8b95a3' }))
  }
  parts.push(element('rect', { ...place, fill: 'none', stroke: '#8b95a3', 'stroke-width': 0.8 }))
  return parts.join('')
}

function legend(left: number, top: number): string {
  const width = 240
  const steps = 48
  const bars = Array.from({ length: steps }, (_, i) => {
    const [r, g, b] = colour(i / (steps - 1))
    return element('rect', {
      x: left + (width / steps) * i,
      y: top,
      width: width / steps + 0.5,
      height: 12,
      fill: `rgb(${r},${g},${b})`,
    })
  })
  const ticks = [RANGE[0], -5, -2, RANGE[1]].map((v, i, all) => {
    const x = left + ((v - RANGE[0]) / (RANGE[1] - RANGE[0])) * width
    const text = i === 0 ? `≤ ${v}` : i === all.length - 1 ? `≥ ${v}` : String(v)
    return label(x, top + 26, text.replace('-', '−'), { 'text-anchor': 'middle' })
  })
  const frame = element('rect', { x: left, y: top, width, height: 12, fill: 'none', stroke: '#8b95a3' })
  const about = label(left + width + 16, top + 10, 'log-density (nats per unit of area), one range for all panels')
  const line = element('line', { x1: left + 660, x2: left + 690, y1: top + 6, y2: top + 6, stroke: CURVE })
  const curve = label(left + 698, top + 10, 'support curve of the data; dashed: the unsampled gap (bridge)')
  return [...bars, frame, ...ticks, about, line, curve].join('')
}

/** The grid of all panels: for each shape a line over the box and one over twice the box. */
export function panelGrid(result: SpandrelResult): Html {
  const columns = columnsOf(result)
  const shapes = result.options.shapes.filter((shape) => result.panels.some((panel) => panel.shape === shape))
  const block = 2 * (SIDE + GAP) + 14
  const parts: string[] = columns.map((column, i) =>
    label(LEFT + i * (SIDE + GAP) + SIDE / 2, TOP - 10, titleOf(column), {
      'text-anchor': 'middle',
      'font-weight': 600,
    }),
  )
  shapes.forEach((shape, r) => {
    const top = TOP + r * block
    parts.push(label(0, top + SIDE / 2 - 8, shape, { 'font-weight': 600 }))
    parts.push(label(0, top + SIDE / 2 + 10, 'the box'))
    parts.push(label(0, top + SIDE + GAP + SIDE / 2, 'twice the box'))
    columns.forEach((column, i) => {
      const panel = result.panels.find((each) => each.shape === shape && each.model === column)
      const support = result.supports[shape]
      if (panel === undefined || support === undefined) return
      const left = LEFT + i * (SIDE + GAP)
      parts.push(square(panel, support, B, left, top), square(panel, support, 2 * B, left, top + SIDE + GAP))
    })
  })
  const bottom = TOP + shapes.length * block
  parts.push(legend(LEFT, bottom + 4))
  const width = Math.max(LEFT + columns.length * (SIDE + GAP), LEFT + 1080)
  return svg(width, bottom + 40, parts, 'Log-densities of all models on all shapes')
}
