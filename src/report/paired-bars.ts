/** Bars in pairs: the same shares in two tables. */
import { PALETTE } from './chart.js'
import type { Html } from './html.js'
import { linearScale } from './scale.js'
import { element, label, svg } from './svg.js'

export interface BarPair {
  readonly label: string
  /** Shares, 0 to 1. */
  readonly values: readonly [number, number]
}

const SIZE = { width: 408, top: 44, line: 22, right: 44, bottom: 24 } as const
/** A letter of a label is about so wide, in pixels; longer labels are cut. */
const LETTER = 7.2
const LETTERS = 20

const cut = (text: string) => (text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text)

/** One line per level with a bar for each table, the first above the second. */
export function pairedBars(
  pairs: readonly BarPair[],
  { title, names }: { title: string; names: readonly [string, string] },
): Html {
  const { width, top, line, right } = SIZE
  const left = 14 + LETTER * Math.max(...pairs.map((pair) => cut(pair.label).length), 4)
  const foot = top + line * pairs.length
  const most = Math.max(...pairs.flatMap(({ values }) => values), 1e-6)
  const x = linearScale(0, most, left, width - right, 3)
  const colours = [PALETTE[0], PALETTE[1]] as const
  const parts = [label(0, 13, title, { 'font-weight': 600 })]
  let at: number = left
  for (const [k, name] of names.entries()) {
    parts.push(element('rect', { x: at, y: 25, width: 16, height: 7, fill: colours[k]! }), label(at + 20, 33, name))
    at += 30 + name.length * LETTER
  }
  for (const v of x.ticks) {
    const grid = { stroke: 'currentColor', 'stroke-opacity': 0.13 }
    parts.push(element('line', { x1: x.at(v), x2: x.at(v), y1: top, y2: foot, ...grid }))
    parts.push(label(x.at(v), foot + 16, `${Math.round(1000 * v) / 10} %`, { 'text-anchor': 'middle' }))
  }
  for (const [i, pair] of pairs.entries()) {
    const y = top + line * i
    parts.push(label(left - 8, y + line / 2 + 4, cut(pair.label), { 'text-anchor': 'end' }))
    for (const [k, value] of pair.values.entries()) {
      const bar = { x: left, y: y + 3 + 8 * k, width: Math.max(0, x.at(value) - left), height: 7, fill: colours[k]! }
      parts.push(element('rect', bar))
    }
  }
  return svg(width, foot + SIZE.bottom, parts, title)
}
