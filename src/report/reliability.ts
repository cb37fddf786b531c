/** Reliability diagrams: how often predictions are right, by how sure they are. */
import type { Html } from './html.js'
import { element, label, round, svg } from './svg.js'

/** Accuracy over confidence. Bins that hold nothing are left out. */
export function reliabilityPicture(
  series: readonly {
    label: string
    bins: readonly { count: number; accuracy: number; confidence: number }[]
    colour: string
  }[],
  title: string,
): Html {
  const [side, left, top] = [240, 40, 46]
  const px = (v: number) => left + v * side
  const py = (v: number) => top + (1 - v) * side
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  const grid = ticks.flatMap((t) => [
    element('line', { x1: px(0), x2: px(1), y1: py(t), y2: py(t), stroke: 'currentColor', 'stroke-opacity': 0.13 }),
    label(left - 6, py(t) + 4, String(t), { 'text-anchor': 'end' }),
    label(px(t), py(0) + 16, String(t), { 'text-anchor': 'middle' }),
  ])
  const drawn = series.flatMap(({ bins, colour }) => {
    const most = Math.max(...bins.map(({ count }) => count), 1)
    const shown = bins.filter(({ count }) => count > 0)
    const d = shown
      .map(({ confidence, accuracy }, k) => `${k === 0 ? 'M' : 'L'}${round(px(confidence))} ${round(py(accuracy))}`)
      .join('')
    const circles = shown.map(({ count, confidence, accuracy }) =>
      element('circle', {
        cx: px(confidence),
        cy: py(accuracy),
        r: 2 + 5 * Math.sqrt(count / most),
        fill: colour,
        'fill-opacity': 0.55,
      }),
    )
    return [element('path', { d, stroke: colour, 'stroke-width': 1.5, fill: 'none' }), ...circles]
  })
  const keys = series.flatMap(({ label: name, colour }, k) => [
    element('circle', { cx: left + 6 + k * 130, cy: 28, r: 5, fill: colour }),
    label(left + 16 + k * 130, 32, name),
  ])
  const parts = [
    label(0, 13, title, { 'font-weight': 600 }),
    ...keys,
    ...grid,
    element('line', {
      x1: px(0),
      y1: py(0),
      x2: px(1),
      y2: py(1),
      stroke: 'currentColor',
      'stroke-dasharray': '4 3',
      'stroke-opacity': 0.5,
    }),
    ...drawn,
    label(px(0.5), py(0) + 34, 'confidence', { 'text-anchor': 'middle', 'fill-opacity': 0.75 }),
  ]
  return svg(
    left + side + 16,
    top + side + 40,
    parts.filter((part) => part !== ''),
    title,
  )
}
