/** What the energy of each run looks like: a density of two columns, or histograms of energies. */
import type uPlotType from 'uplot'
import type { Picture } from '../messages.js'
import { axis, colourOf } from './charts.js'
import { byId, digits, el } from './dom.js'
import { store } from './store.js'

declare const uPlot: typeof uPlotType

const AGE = 4000
const SIDE = 360
const dark = matchMedia('(prefers-color-scheme: dark)')

interface Shown {
  figure: HTMLElement
  asked: number
  /** Whether it is the picture of a run that has ended, which looks the same from then on. */
  final: boolean
  picture: Picture | undefined
  plot: uPlotType | undefined
}

const shown = new Map<string, Shown>()

/** The density as a picture of one pixel per cell; the highest row first. */
function bitmap({ cells, shades, colours }: Picture & { kind: 'density' }): HTMLCanvasElement {
  const bytes = atob(shades)
  const canvas = el('canvas', { width: String(cells), height: String(cells) })
  const context = canvas.getContext('2d')!
  const image = context.createImageData(cells, cells)
  for (let row = 0; row < cells; row++) {
    for (let column = 0; column < cells; column++) {
      const [red, green, blue] = colours[bytes.charCodeAt((cells - 1 - row) * cells + column)] ?? [0, 0, 0]
      image.data.set([red, green, blue, 255], 4 * (row * cells + column))
    }
  }
  context.putImageData(image, 0, 0)
  return canvas
}

function densityPlot(picture: Picture & { kind: 'density' }, place: HTMLElement): uPlotType {
  const { low, high, names, points } = picture
  const image = bitmap(picture)
  const sorted = [...points].sort((a, b) => a[0]! - b[0]!)
  const paint = (plot: uPlotType) => {
    const { left, top, width, height } = plot.bbox
    plot.ctx.save()
    if (dark.matches) plot.ctx.filter = 'brightness(.85)'
    plot.ctx.drawImage(image, left, top, width, height)
    plot.ctx.restore()
  }
  const side = Math.min(SIDE, Math.max(place.clientWidth, 200))
  return new uPlot(
    {
      width: side,
      height: side,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: false, range: [low[0], high[0]] }, y: { range: [low[1], high[1]] } },
      axes: [axis(names[0]), { ...axis(names[1]), size: 44 }],
      series: [
        {},
        { paths: () => null, points: { show: true, size: 3, fill: '#d4481c', stroke: '#d4481c', width: 0 } },
      ],
      hooks: { drawClear: [paint] },
    },
    [sorted.map(([x]) => x!), sorted.map(([, y]) => y!)],
    place,
  )
}

function energiesPlot({ edges, counts }: Picture & { kind: 'energies' }, place: HTMLElement): uPlotType {
  const palette = store.hello?.palette ?? []
  const names = Object.keys(counts)
  const stepped = uPlot.paths.stepped!({ align: 1 })
  return new uPlot(
    {
      width: Math.max(place.clientWidth, 200),
      height: 240,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false } },
      axes: [axis('E (low = probable)'), { ...axis(), size: 50 }],
      series: [
        {},
        ...names.map((label, i) => ({
          label,
          stroke: palette[i] ?? colourOf('--accent'),
          width: 2,
          paths: stepped,
          points: { show: false },
        })),
      ],
    },
    [edges, ...names.map((name) => [...counts[name]!, 0])] as uPlotType.AlignedData,
    place,
  )
}

function wordsOf(run: string, picture: Picture): string {
  if (picture.kind === 'energies') {
    const middle = Object.entries(picture.counts).map(([name, counts]) => {
      const half = counts.reduce((a, b) => a + b, 0) / 2
      let sum = 0
      const at = counts.findIndex((count) => {
        sum += count
        return sum >= half
      })
      return `${name}: about ${digits(picture.edges[at] ?? null)} in the middle`
    })
    return `${run}: energies. ${middle.join('; ')}`
  }
  const { low, high, names } = picture
  return `${run}: density of ${names[0]} from ${digits(low[0])} to ${digits(high[0])} and ${names[1]} from ${digits(low[1])} to ${digits(high[1])}, with rows of the data as points`
}

function legend(picture: Picture): HTMLElement {
  const palette = store.hello?.palette ?? []
  if (picture.kind === 'density')
    return el('p', { class: 'quiet' }, 'exp(-E), dark = probable; points: rows of the data')
  const items = Object.keys(picture.counts).map((name, i) => {
    const swatch = el('span', { class: 'swatch', 'aria-hidden': 'true' })
    swatch.style.borderColor = palette[i] ?? ''
    return el('li', {}, swatch, name)
  })
  return el('ul', { class: 'legend' }, ...items)
}

function draw(run: string, entry: Shown): void {
  const { picture } = entry
  entry.plot?.destroy()
  if (picture === undefined) return
  const place = el('div', { role: 'img', 'aria-label': wordsOf(run, picture) })
  entry.figure.replaceChildren(el('figcaption', {}, `${run}, after step ${picture.step}`), legend(picture), place)
  if (!entry.figure.isConnected) byId('pictures').append(entry.figure)
  entry.plot = picture.kind === 'density' ? densityPlot(picture, place) : energiesPlot(picture, place)
}

async function ask(run: string, entry: Shown, ended: boolean): Promise<void> {
  entry.asked = performance.now()
  const answer = await fetch(`picture?run=${encodeURIComponent(run)}`).catch(() => undefined)
  if (answer === undefined || shown.get(run) !== entry) return
  if (answer.ok) entry.final = ended // 204: there is none, and of a run that has ended there will be none
  if (answer.status !== 200) return
  const picture = (await answer.json()) as Picture
  // The model of the end may be another at the same step: averaged weights.
  if (!ended && entry.picture?.step === picture.step && entry.plot !== undefined) return
  entry.picture = picture
  draw(run, entry)
}

/** Asks for new pictures of the runs that are shown, now and then; takes those of others away. */
export function drawPictures(): void {
  for (const [run, entry] of shown) {
    if (store.shown.includes(run)) continue
    entry.plot?.destroy()
    entry.figure.remove()
    shown.delete(run)
  }
  if (document.hidden) return
  for (const run of store.shown) {
    const state = store.details.get(run)?.state
    if (state === undefined) continue
    const entry = shown.get(run) ?? {
      figure: el('figure'),
      asked: -AGE,
      final: false,
      picture: undefined,
      plot: undefined,
    }
    shown.set(run, entry)
    const ended = state !== 'running' && state !== 'paused' && state !== 'elsewhere'
    if ((entry.final && ended) || performance.now() - entry.asked < AGE) continue
    void ask(run, entry, ended)
  }
}

/** In the colours of the other scheme. */
dark.addEventListener('change', () => {
  for (const [run, entry] of shown) draw(run, entry)
})
