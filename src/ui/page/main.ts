/** The page that watches runs: listens to the server and draws what has changed, a few times a second. */
import type { DetailMessage, Hello, PointsMessage, RunsMessage } from '../messages.js'
import { drawCharts } from './charts.js'
import { byId, say } from './dom.js'
import { drawOwn } from './own.js'
import { drawPictures } from './pictures.js'
import { store, take } from './store.js'
import { drawFindings, drawRuns, drawSettings, drawValues } from './tables.js'

/** Milliseconds between two drawings. */
const PACE = 400

let source: EventSource | undefined
let due: number | undefined

/** The runs in the address: a reload shows the same ones. */
const chosen = () => new URLSearchParams(location.search).get('runs')?.split(',').filter(Boolean) ?? []

function choose(id: string, shown: boolean): void {
  const next = shown ? [...store.shown, id] : store.shown.filter((other) => other !== id)
  if (next.length === 0) {
    drawSoon()
    return
  }
  store.shown = next
  history.replaceState(null, '', `?runs=${next.map(encodeURIComponent).join(',')}`)
  connect()
}

function draw(): void {
  due = undefined
  drawOwn()
  drawRuns(choose)
  drawFindings()
  drawCharts()
  drawValues()
  drawSettings()
  drawPictures()
}

function drawSoon(): void {
  if (due === undefined) due = window.setTimeout(draw, PACE)
}

function connection(text: string, lost: boolean): void {
  say(byId('connection'), text)
  byId('connection').classList.toggle('lost', lost)
}

/** Follows the chosen runs; EventSource connects again by itself and tells the server what it has. */
function connect(): void {
  source?.close()
  const runs = chosen()
  source = new EventSource(runs.length === 0 ? 'events' : `events?runs=${runs.map(encodeURIComponent).join(',')}`)
  const on = <T>(name: string, handle: (message: T) => void) =>
    source!.addEventListener(name, (event) => {
      handle(JSON.parse((event as MessageEvent<string>).data) as T)
      drawSoon()
    })
  source.addEventListener('open', () => connection('live', false))
  source.addEventListener('error', () =>
    connection('not connected: the process has ended, or is busy; trying again', true),
  )
  on<Hello>('hello', (hello) => {
    store.hello = hello
    store.shown = hello.following
    say(byId('folder'), hello.folder)
  })
  on<RunsMessage>('runs', ({ runs: all, others }) => {
    store.runs = all
    store.others = others
  })
  on<PointsMessage>('points', take)
  on<DetailMessage>('detail', (detail) => store.details.set(detail.run, detail))
  on<{ message: string }>('trouble', ({ message }) => connection(message, true))
}

byId('log').addEventListener('change', drawSoon)
byId('all-settings').addEventListener('change', drawSoon)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawSoon)
document.addEventListener('visibilitychange', drawSoon)
connect()
