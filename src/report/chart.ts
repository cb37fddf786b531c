/** Line charts, histograms and rank plots as SVG. */
import type { Html } from './html.js'
import { linearScale, logRange, logScale, range, type Scale } from './scale.js'
import { element, label, polyline, REFERENCE, round, svg } from './svg.js'

/** Readable on white and on dark paper; neighbours differ without colour vision, too (light, dark, light). */
export const PALETTE = ['#1292a0', '#c8692b', '#7a62c9', '#8a9a2e', '#c2487f', '#4d7fd1', '#7b8794', '#2f9e62'] as const

export interface Series {
  label: string
  points: readonly (readonly [number, number])[]
  dashed?: boolean
}

interface Frame {
  width: number
  height: number
  left: number
  right: number
  top: number
  bottom: number
}

const FRAME: Frame = { width: 408, height: 200, left: 54, right: 20, top: 44, bottom: 38 }

function axes(frame: Frame, x: Scale, y: Scale, xLabel: string): string[] {
  const parts: string[] = []
  const grid = { stroke: 'currentColor', 'stroke-opacity': 0.13 }
  const foot = frame.height - frame.bottom
  for (const v of y.ticks) {
    parts.push(element('line', { x1: frame.left, x2: frame.width - frame.right, y1: y.at(v), y2: y.at(v), ...grid }))
    parts.push(label(frame.left - 7, y.at(v) + 4, y.text(v), { 'text-anchor': 'end' }))
  }
  for (const v of x.ticks) {
    parts.push(element('line', { x1: x.at(v), x2: x.at(v), y1: foot, y2: foot + 4, stroke: 'currentColor' }))
    parts.push(label(x.at(v), foot + 17, x.text(v), { 'text-anchor': 'middle' }))
  }
  parts.push(
    element('line', { x1: frame.left, x2: frame.width - frame.right, y1: foot, y2: foot, stroke: 'currentColor' }),
  )
  parts.push(
    label((frame.left + frame.width - frame.right) / 2, frame.height - 6, xLabel, {
      'text-anchor': 'middle',
      'fill-opacity': 0.75,
    }),
  )
  return parts
}

function legend(series: readonly Series[], frame: Frame): string[] {
  if (series.length < 2) return []
  let x = frame.left
  return series.flatMap((s, i) => {
    const colour = PALETTE[i % PALETTE.length]!
    const at = x
    x += 30 + s.label.length * 6.6
    return [
      element('line', {
        x1: at,
        x2: at + 16,
        y1: 29,
        y2: 29,
        stroke: colour,
        'stroke-width': 3,
        'stroke-dasharray': s.dashed ? '4 3' : undefined,
      }),
      label(at + 20, 33, s.label),
    ]
  })
}

export interface LineChartOptions {
  title: string
  xLabel: string
  /** Logarithmic y; values that are not positive are left out. */
  log?: boolean
  /** Horizontal lines with a word: limits. */
  guides?: readonly { y: number; label: string }[]
  size?: Partial<Frame>
  /** Stroke width; default 1.5. */
  stroke?: number
  /** Leaves the legend out: lines of many chains. */
  bare?: boolean
}

export function lineChart(series: readonly Series[], options: LineChartOptions): Html {
  const frame = { ...FRAME, ...options.size }
  const shown = series.map((s) => ({ ...s, points: s.points.filter(([, y]) => !options.log || y > 0) }))
  const all = shown.flatMap((s) => s.points)
  const guides = (options.guides ?? []).filter((g) => !options.log || g.y > 0)
  const values = [...all.map((p) => p[1]), ...guides.map((g) => g.y)]
  const [x0, x1] = [
    all.reduce((a, p) => Math.min(a, p[0]), Number.POSITIVE_INFINITY),
    all.reduce((a, p) => Math.max(a, p[0]), Number.NEGATIVE_INFINITY),
  ]
  const [y0, y1] = options.log ? logRange(values) : range(values)
  const x = linearScale(x0, x1 > x0 ? x1 : x0 + 1, frame.left, frame.width - frame.right)
  const y = (options.log ? logScale : linearScale)(y0, y1, frame.height - frame.bottom, frame.top)
  const parts = [
    label(0, 13, options.title, { 'font-weight': 600 }),
    ...(options.bare ? [] : legend(shown, frame)),
    ...axes(frame, x, y, options.xLabel),
  ]
  for (const g of guides) {
    parts.push(
      element('line', {
        x1: frame.left,
        x2: frame.width - frame.right,
        y1: y.at(g.y),
        y2: y.at(g.y),
        stroke: REFERENCE,
        'stroke-dasharray': '4 3',
      }),
    )
    parts.push(label(frame.width - frame.right, y.at(g.y) - 4, g.label, { fill: REFERENCE, 'text-anchor': 'end' }))
  }
  shown.forEach((s, i) => {
    const points = s.points.map(([a, b]) => [x.at(a), y.at(b)] as const)
    parts.push(
      polyline(points, {
        stroke: PALETTE[i % PALETTE.length]!,
        'stroke-width': options.stroke ?? 1.5,
        'stroke-linejoin': 'round',
        'stroke-dasharray': s.dashed ? '4 3' : undefined,
      }),
    )
  })
  return svg(frame.width, frame.height, parts, options.title)
}

export interface Sample {
  label: string
  values: readonly number[]
}

/** Outlines of histograms over common bins, each scaled to unit area. */
export function histogram(samples: readonly Sample[], options: { title: string; xLabel: string; bins?: number }): Html {
  const shown = samples.filter((s) => s.values.length > 0)
  const sorted = shown.flatMap((s) => s.values.filter(Number.isFinite)).sort((a, b) => a - b)
  // A few far values would leave one bar for all others: they count in the outermost bins.
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
  const [low, high] = range([at(0.002), at(0.998)])
  const bins = options.bins ?? 48
  const width = (high - low) / bins
  const series = shown.map((s) => {
    const counts = new Array<number>(bins).fill(0)
    for (const v of s.values) counts[Math.min(bins - 1, Math.max(0, Math.floor((v - low) / width)))]!++
    const points = counts.flatMap((c, i) => {
      const density = c / (s.values.length * width)
      return [[low + i * width, density] as const, [low + (i + 1) * width, density] as const]
    })
    return { label: s.label, points: [[low, 0] as const, ...points, [high, 0] as const] }
  })
  return lineChart(series, options)
}

/** Bars over equal bins with given edges. */
export function bars(
  edges: readonly number[],
  counts: readonly number[],
  options: { title: string; xLabel: string },
): Html {
  const frame = { ...FRAME, top: 28 }
  const x = linearScale(edges[0]!, edges.at(-1)!, frame.left, frame.width - frame.right)
  const y = linearScale(0, Math.max(...counts, 1) * 1.05, frame.height - frame.bottom, frame.top)
  const rects = counts.map((c, i) =>
    element('rect', {
      x: x.at(edges[i]!) + 0.5,
      y: y.at(c),
      width: Math.max(0, x.at(edges[i + 1]!) - x.at(edges[i]!) - 1),
      height: y.at(0) - y.at(c),
      fill: PALETTE[0],
      'fill-opacity': 0.75,
    }),
  )
  const title = label(0, 13, options.title, { 'font-weight': 600 })
  return svg(frame.width, frame.height, [title, ...axes(frame, x, y, options.xLabel), ...rects], options.title)
}

/** Rank histograms, one small plot per chain; the line is the height that every bin of mixed chains has. */
export function rankPlot(counts: readonly (readonly number[])[], options: { title: string }): Html {
  const perRow = Math.min(counts.length, 8)
  const [w, h, gap, top] = [130, 62, 12, 34]
  const rows = Math.ceil(counts.length / perRow)
  const most = Math.max(...counts.flat(), 1)
  const parts = [label(0, 13, options.title, { 'font-weight': 600 })]
  counts.forEach((chain, i) => {
    const x0 = (i % perRow) * (w + gap)
    const y0 = top + Math.floor(i / perRow) * (h + 30)
    const mean = chain.reduce((a, b) => a + b, 0) / chain.length
    const each = w / chain.length
    const d = chain
      .map(
        (c, k) => `M${round(x0 + k * each)} ${round(y0 + h)}v${round((-c / most) * h)}h${round(each)}V${round(y0 + h)}`,
      )
      .join('')
    parts.push(element('path', { d, fill: PALETTE[i % PALETTE.length]!, 'fill-opacity': 0.7 }))
    const level = y0 + h - (mean / most) * h
    parts.push(
      element('line', { x1: x0, x2: x0 + w, y1: level, y2: level, stroke: 'currentColor', 'stroke-opacity': 0.6 }),
    )
    parts.push(label(x0, y0 + h + 13, `chain ${i}`, { 'fill-opacity': 0.75 }))
  })
  return svg(perRow * (w + gap), top + rows * (h + 30), parts, options.title)
}
