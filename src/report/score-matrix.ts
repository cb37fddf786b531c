/** A symmetric matrix of scores from 0 to 1 between named things, as coloured squares. */
import { colour } from './heatmap.js'
import type { Html } from './html.js'
import { element, label, svg } from './svg.js'

/** A letter of a label is about so wide, in pixels; longer labels are cut. */
const LETTER = 6.6
const LETTERS = 22
const SIDE = 30

const cut = (text: string) => (text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text)
const hex = (channels: readonly number[]) => `#${channels.map((c) => c.toString(16).padStart(2, '0')).join('')}`

/**
 * @param score of two names, in either order; undefined where there is none
 * @param low the score whose colour is darkest: what matters lies close to 1
 */
export function scoreMatrix(
  names: readonly string[],
  score: (a: string, b: string) => number | null | undefined,
  { title, low }: { title: string; low: number },
): Html {
  const left = 12 + LETTER * Math.max(...names.map((name) => cut(name).length), 1)
  const top = 24 + left * 0.75
  const size = SIDE * names.length
  const parts = [label(0, 13, title, { 'font-weight': 600 })]
  for (const [i, name] of names.entries()) {
    const [x, y] = [left + SIDE * i + SIDE / 2, top - 6]
    parts.push(label(x, y, cut(name), { transform: `rotate(-45 ${x} ${y})` }))
    parts.push(label(left - 8, top + SIDE * i + SIDE / 2 + 4, cut(name), { 'text-anchor': 'end' }))
    for (const [j, other] of names.entries()) {
      if (i === j) continue
      const value = score(name, other)
      const place = { x: left + SIDE * j, y: top + SIDE * i, width: SIDE - 1, height: SIDE - 1 }
      if (value === null || value === undefined) {
        parts.push(element('rect', { ...place, fill: 'none', stroke: 'currentColor', 'stroke-opacity': 0.25 }))
        continue
      }
      const depth = Math.min(1, (1 - value) / (1 - low))
      const title = element('title', {}, `${value.toFixed(3)}`)
      parts.push(element('rect', { ...place, fill: hex(colour(depth)), stroke: '#8b95a3', 'stroke-width': 0.5 }, title))
      const ink = depth > 0.55 ? '#fff' : '#1b2430'
      const middle = { x: place.x + SIDE / 2 - 0.5, y: place.y + SIDE / 2 + 4 }
      const text = value >= 0.995 ? '1' : value.toFixed(2).replace(/^0/, '')
      parts.push(label(middle.x, middle.y, text, { 'text-anchor': 'middle', fill: ink, 'font-size': 11 }))
    }
  }
  return svg(left + size + left * 0.6, top + size + 8, parts, title)
}
