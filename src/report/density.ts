/** A two-dimensional density as a picture with axes, and points on it. */
import { heatmap } from './heatmap.js'
import type { Html } from './html.js'
import { linearScale } from './scale.js'
import { element, label, svg } from './svg.js'

export interface DensityPicture {
  title: string
  /** Row-major `[cells, cells]`; row 0 has the smallest y. */
  values: ArrayLike<number>
  cells: number
  low: readonly [number, number]
  high: readonly [number, number]
  points?: readonly (readonly number[])[]
}

const [SIDE, LEFT, TOP, FOOT] = [420, 48, 28, 30]

/** The largest value but for the highest thousandth: one sharp peak would leave the rest white. */
export function ceiling(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.floor(0.999 * (sorted.length - 1))]! || 1
}

export function densityPicture({ title, values, cells, low, high, points = [] }: DensityPicture): Html {
  const x = linearScale(low[0], high[0], LEFT, LEFT + SIDE)
  const y = linearScale(low[1], high[1], TOP + SIDE, TOP)
  const href = heatmap(values, cells, cells, [0, ceiling(values)])
  const parts = [
    label(0, 13, title, { 'font-weight': 600 }),
    element('image', { href, x: LEFT, y: TOP, width: SIDE, height: SIDE, preserveAspectRatio: 'none' }),
    element('rect', {
      x: LEFT,
      y: TOP,
      width: SIDE,
      height: SIDE,
      fill: 'none',
      stroke: 'currentColor',
      'stroke-opacity': 0.4,
    }),
  ]
  for (const [a, b] of points) {
    if (a! < low[0] || a! > high[0] || b! < low[1] || b! > high[1]) continue
    parts.push(element('circle', { cx: x.at(a!), cy: y.at(b!), r: 1.4, fill: '#d4481c', 'fill-opacity': 0.45 }))
  }
  for (const v of x.ticks) parts.push(label(x.at(v), TOP + SIDE + 17, x.text(v), { 'text-anchor': 'middle' }))
  for (const v of y.ticks) parts.push(label(LEFT - 6, y.at(v) + 4, y.text(v), { 'text-anchor': 'end' }))
  return svg(LEFT + SIDE + 12, TOP + SIDE + FOOT, parts, title)
}
