/** The energy of nodes drawn on their graph, and beside it which nodes are out-of-distribution. */
import { escapeHtml, type Html, html } from '../../report/html.js'
import { element, label, svg } from '../../report/svg.js'
import type { Layout } from './layout.js'

const [SIDE, TOP, FOOT] = [440, 24, 26]
const SHADES = 12
/** Lowest, middle and highest energy: told apart on white and on dark paper, and without colour vision by lightness too. */
const ENDS: readonly (readonly [number, number, number])[] = [
  [20, 120, 150],
  [150, 160, 165],
  [214, 84, 22],
]
const ORANGE = `rgb(${ENDS[2]})`

function shade(u: number): string {
  const [k, f] = u < 0.5 ? [0, 2 * u] : [1, 2 * u - 1]
  return `rgb(${[0, 1, 2].map((c) => Math.round(ENDS[k]![c]! + f * (ENDS[k + 1]![c]! - ENDS[k]![c]!)))})`
}

const at = (v: number, side: number) => Math.round((6 + v * (side - 12)) * 10) / 10

/** Dots as the round ends of strokes of no length: a few bytes each. */
function dots({ x, y }: Layout, which: readonly number[], size: number, colour: string, opacity = 1): string {
  const d = which.map((i) => `M${at(x[i]!, SIDE)} ${at(y[i]!, SIDE)}h0`).join('')
  return element('path', {
    d,
    stroke: colour,
    'stroke-width': size,
    'stroke-linecap': 'round',
    'stroke-opacity': opacity,
    fill: 'none',
  })
}

/** More edges than this are one grey and megabytes of page. */
const MOST_EDGES = 12_000

/** One in how many edges is drawn. */
export const edgeStep = ({ edges }: Layout): number => Math.max(1, Math.ceil(edges.length / MOST_EDGES))

function lines(layout: Layout): string {
  const { x, y, edges } = layout
  const step = edgeStep(layout)
  const d = edges
    .filter((_, k) => k % step === 0)
    .map(([a, b]) => `M${at(x[a]!, SIDE)} ${at(y[a]!, SIDE)}L${at(x[b]!, SIDE)} ${at(y[b]!, SIDE)}`)
    .join('')
  return element('path', { d, stroke: 'currentColor', 'stroke-width': 0.5, 'stroke-opacity': 0.18, fill: 'none' })
}

/** Share of values below each value, 0 to 1. */
export function shareBelow(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const shares = new Array<number>(values.length).fill(0)
  order.forEach((i, k) => {
    shares[i] = values.length > 1 ? k / (values.length - 1) : 0.5
  })
  return shares
}

function legend(): string {
  const width = 12
  const x = (k: number) => 96 + k * width
  const cells = Array.from({ length: SHADES }, (_, k) =>
    element('rect', { x: x(k), y: TOP + SIDE + 8, width, height: 10, fill: shade(k / (SHADES - 1)) }),
  )
  const y = TOP + SIDE + 17
  return [label(0, y, 'lowest energy'), ...cells, label(x(SHADES) + 8, y, 'highest')].join('')
}

function panel(title: string, body: string, foot: string): Html {
  const text = [label(0, 13, title, { 'font-weight': 600 }), `<g transform="translate(0 ${TOP})">${body}</g>`, foot]
  return svg(SIDE, TOP + SIDE + FOOT, text, title)
}

/**
 * Two pictures beside each other.
 *
 * @param energy of every node of the graph
 * @param id unlike those of other pictures of the page
 */
export function energyOnGraph(
  layout: Layout,
  energy: readonly number[],
  outOfDistribution: readonly (0 | 1)[],
  id: string,
): Html {
  const share = shareBelow(layout.nodes.map((v) => energy[v]!))
  const size = layout.nodes.length > 1000 ? 3.6 : 5
  const places = layout.nodes.map((_, i) => i)
  const byShade = Array.from({ length: SHADES }, (_, k) =>
    places.filter((i) => Math.min(SHADES - 1, Math.floor(share[i]! * SHADES)) === k),
  )
  const edges = `<g id="${escapeHtml(id)}">${lines(layout)}</g>`
  const coloured = byShade.map((which, k) => dots(layout, which, size, shade(k / (SHADES - 1)))).join('')
  const out = places.filter((i) => outOfDistribution[layout.nodes[i]!] === 1)
  const inside = places.filter((i) => outOfDistribution[layout.nodes[i]!] !== 1)
  const right = `<use href="#${escapeHtml(id)}"/>${dots(layout, inside, size * 0.8, 'currentColor', 0.35)}${dots(layout, out, size, ORANGE)}`
  const y = TOP + SIDE + 17
  const key = [
    element('circle', { cx: 6, cy: y - 4, r: 5, fill: ORANGE }),
    label(16, y, 'out-of-distribution'),
    element('circle', { cx: 156, cy: y - 4, r: 4, fill: 'currentColor', 'fill-opacity': 0.45 }),
    label(166, y, 'in-distribution'),
  ].join('')
  return html`<div class="pair">${panel('Energy of GEBM', edges + coloured, legend())}${panel('Which nodes are which', right, key)}</div>`
}
