/** The curves, drawn by uPlot; beside each a legend of text, and for who cannot see it what it shows in words. */
import type uPlotType from 'uplot'
import { byId, digits, el, say } from './dom.js'
import { curve, store } from './store.js'

declare const uPlot: typeof uPlotType

const HEIGHT = 220
/** Lines of several monitors in one chart of several runs. */
const DASHES = [[], [8, 5], [2, 4], [12, 4, 2, 4]]
/** Charts whose curve is of interest only where it changes. */
const DULL = new Set(['lr', 'energyPenalty', 'gradientPenalty', 'l1Penalty', 'clippedShare', 'clampedShare'])

interface Line {
  label: string
  run: string
  monitor: string
  colour: string
  dash: number[]
}

interface Chart {
  key: string
  figure: HTMLElement
  plot: uPlotType
  lines: Line[]
  values: HTMLElement[]
  place: HTMLElement
}

const charts = new Map<string, Chart>()
const dark = matchMedia('(prefers-color-scheme: dark)')

/** A colour of the style sheet. */
export const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** Axes in the colours of the page. */
export function axis(label?: string): uPlotType.Axis {
  const [ink, line] = [colourOf('--quiet'), colourOf('--line')]
  const font = '12px system-ui, sans-serif'
  return {
    stroke: ink,
    font,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    values: (_, ticks) => ticks.map(tickText),
    ...(label !== undefined && { label, labelFont: font, labelSize: 20 }),
  }
}

/** 12k, 1e-5 where a number is long. */
function tickText(value: number | null): string {
  if (value === null) return ''
  const size = Math.abs(value)
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`
  if (size > 0 && size < 1e-3) return value.toExponential(0)
  return String(Number(value.toPrecision(6)))
}

const moves = (values: readonly (number | null)[]) => {
  const known = values.filter((value) => value !== null)
  return known.some((value) => value !== known[0])
}

function linesOf(monitors: readonly string[]): Line[] {
  const { shown, hello } = store
  const palette = hello?.palette ?? ['#1292a0']
  const there = monitors.filter((monitor) =>
    shown.some((run) => {
      const { y } = curve(run, monitor)
      return DULL.has(monitor) ? moves(y) : y.some((value) => value !== null)
    }),
  )
  return shown.flatMap((run, r) =>
    there.map((monitor, m) => ({
      run,
      monitor,
      label: shown.length === 1 ? monitor : there.length === 1 ? run : `${run} ${monitor}`,
      colour: palette[(shown.length === 1 ? m : r) % palette.length]!,
      dash: shown.length === 1 ? [] : DASHES[m % DASHES.length]!,
    })),
  )
}

/** The curves over one common axis of steps; of a logarithmic one without what is not positive. */
function dataOf(lines: readonly Line[], log: boolean): uPlotType.AlignedData {
  const curves = lines.map(({ run, monitor }) => curve(run, monitor))
  const tables = curves.map(
    ({ x, y }) => [x, log ? y.map((v) => (v !== null && v > 0 ? v : null)) : y] as uPlotType.AlignedData,
  )
  return uPlot.join(tables)
}

const shape = ({ dash }: Line) => (dash.length === 0 ? 'swatch' : `swatch ${dash[0]! > 4 ? 'dashed' : 'dotted'}`)

function legendOf(lines: readonly Line[]): { list: HTMLElement; values: HTMLElement[] } {
  const values = lines.map(() => el('span', { class: 'value' }))
  const items = lines.map((line, i) => {
    const swatch = el('span', { class: shape(line), 'aria-hidden': 'true' })
    swatch.style.borderColor = line.colour
    return el('li', { title: store.hello?.meanings[line.monitor] ?? '' }, swatch, line.label, values[i]!)
  })
  return { list: el('ul', { class: 'legend' }, ...items), values }
}

/** Values under the cursor, or the newest. */
function showValues({ plot, lines, values }: Pick<Chart, 'plot' | 'lines' | 'values'>): void {
  const at = plot.cursor.idx
  lines.forEach((_, i) => {
    const y = plot.data[i + 1] as (number | null | undefined)[]
    const value = at === null || at === undefined ? y.findLast((v) => v !== null && v !== undefined) : y[at]
    say(values[i]!, digits(value ?? null))
  })
}

/** "moons-1 loss: 0.69 at step 10, 0.12 at step 3000" */
function words(title: string, lines: readonly Line[]): string {
  const told = lines.map(({ run, monitor }) => {
    const { x, y } = curve(run, monitor)
    const known = x.flatMap((step, i) => (y[i] === null || y[i] === undefined ? [] : [[step, y[i]] as const]))
    const [first, last] = [known[0], known.at(-1)]
    if (first === undefined || last === undefined) return `${run} ${monitor}: nothing yet`
    return `${run} ${monitor}: ${digits(first[1])} at step ${first[0]}, ${digits(last[1])} at step ${last[0]}`
  })
  return `${title}. ${told.join('; ')}`
}

function guideOf(y: number | null): uPlotType.Plugin {
  return {
    hooks: {
      drawClear: (plot) => {
        if (y === null || plot.scales.y?.min === undefined || y < plot.scales.y.min! || y > plot.scales.y.max!) return
        const at = plot.valToPos(y, 'y', true)
        plot.ctx.save()
        plot.ctx.strokeStyle = colourOf('--quiet')
        plot.ctx.setLineDash([5, 5])
        plot.ctx.beginPath()
        plot.ctx.moveTo(plot.bbox.left, at)
        plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, at)
        plot.ctx.stroke()
        plot.ctx.restore()
      },
    },
  }
}

function make(key: string, title: string, lines: Line[], log: boolean, guide: number | null): Chart {
  const { list, values } = legendOf(lines)
  const place = el('div', { role: 'img' })
  const figure = el('figure', {}, el('figcaption', {}, title), list, place)
  byId('charts').append(figure)
  const plot = new uPlot(
    {
      width: Math.max(place.clientWidth, 200),
      height: HEIGHT,
      legend: { show: false },
      cursor: { sync: { key: 'runs' }, drag: { x: true, y: false } },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
      axes: [axis('step'), { ...axis(), size: 58 }],
      series: [
        {},
        ...lines.map(({ label, colour, dash }) => ({
          label,
          stroke: colour,
          dash,
          width: 1.6,
          spanGaps: true,
          points: { show: false },
        })),
      ],
      plugins: [guideOf(guide)],
      hooks: { setCursor: [() => showValues(chart)] },
    },
    dataOf(lines, log),
    place,
  )
  const chart: Chart = { key, figure, plot, lines, values, place }
  return chart
}

/** Draws the curves of the runs that are shown; a chart is made anew only where its lines have changed. */
export function drawCharts(): void {
  const logLoss = byId<HTMLInputElement>('log').checked
  const wanted = new Set<string>()
  for (const { title, log, monitors, guide } of store.hello?.plots ?? []) {
    const lines = linesOf(monitors)
    if (lines.length === 0) continue
    wanted.add(title)
    const logarithmic = log || (title === 'Loss' && logLoss)
    const key = JSON.stringify([lines.map(({ label, colour }) => [label, colour]), logarithmic, dark.matches])
    let chart = charts.get(title)
    if (chart?.key !== key) {
      const old = chart
      chart = make(key, title, lines, logarithmic, guide)
      if (old !== undefined) {
        old.figure.replaceWith(chart.figure)
        old.plot.destroy()
      }
      charts.set(title, chart)
    } else chart.plot.setData(dataOf(lines, logarithmic))
    chart.place.setAttribute('aria-label', words(title, lines))
    showValues(chart)
  }
  for (const [title, chart] of charts) {
    if (wanted.has(title)) continue
    chart.plot.destroy()
    chart.figure.remove()
    charts.delete(title)
  }
  arrange([...wanted])
}

/** Charts that appear later go where they belong. */
function arrange(titles: readonly string[]): void {
  const place = byId('charts')
  titles.forEach((title, i) => {
    const { figure } = charts.get(title)!
    if (place.children[i] !== figure) place.insertBefore(figure, place.children[i] ?? null)
  })
}

new ResizeObserver(() => {
  for (const { plot, place } of charts.values()) {
    const width = Math.max(place.clientWidth, 200)
    if (Math.abs(plot.width - width) > 1) plot.setSize({ width, height: HEIGHT })
  }
}).observe(byId('charts'))
