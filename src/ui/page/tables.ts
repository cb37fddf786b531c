/** The table of runs, what is found in them, their newest values, and the settings that differ. */
import type { DetailMessage, RunSummary } from '../messages.js'
import { byId, digits, el, fill, say, tableOf } from './dom.js'
import { newest, store } from './store.js'

/** As many as a page follows. */
const MOST = 6
const CELLS = ['run', 'state', 'steps', 'loss', 'speed', 'objective', 'findings', 'started'] as const
const NUMBERS = new Set<string>(['steps', 'loss', 'speed', 'findings'])

const textOf = (run: RunSummary): Record<(typeof CELLS)[number], string> => ({
  run: run.own ? `${run.id} (this run)` : run.id,
  state: run.state,
  steps: run.steps === null ? String(run.step) : `${run.step} of ${run.steps}`,
  loss: digits(run.loss),
  speed: run.state === 'running' ? digits(run.stepsPerSecond) : '–',
  objective: run.objective,
  findings: run.findings === null ? '–' : String(run.findings),
  started: new Date(run.started).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' }),
})

function rowOf(id: string, onChoice: (id: string, shown: boolean) => void): HTMLTableRowElement {
  const box = el('input', { type: 'checkbox', 'aria-label': `show ${id}` })
  box.addEventListener('change', () => onChoice(id, box.checked))
  const cells = CELLS.map((name) =>
    name === 'run' ? el('th', { scope: 'row' }) : el('td', NUMBERS.has(name) ? { class: 'number' } : {}),
  )
  return el('tr', { 'data-run': id }, el('td', {}, box), ...cells)
}

/** The table of runs; rows stay where they are, so that the keyboard's place is kept. */
export function drawRuns(onChoice: (id: string, shown: boolean) => void): void {
  const body = byId<HTMLTableElement>('runs').tBodies[0]!
  const rows = new Map([...body.rows].map((row) => [row.dataset.run!, row]))
  store.runs.forEach((run, i) => {
    const row = rows.get(run.id) ?? rowOf(run.id, onChoice)
    rows.delete(run.id)
    if (body.rows[i] !== row) body.insertBefore(row, body.rows[i] ?? null)
    const texts = textOf(run)
    CELLS.forEach((name, k) => {
      say(row.cells[k + 1]!, texts[name])
    })
    const box = row.querySelector('input')!
    box.checked = store.shown.includes(run.id)
    box.disabled = !box.checked && store.shown.length >= MOST
  })
  for (const row of rows.values()) row.remove()
  const none = store.runs.length === 0 ? 'There is no run yet. ' : ''
  say(byId('others'), `${none}${store.others.map(({ id, problem }) => `${id}: ${problem}.`).join(' ')}`)
}

function findingsOf({ run, findings, looked, error, resume, report, state }: DetailMessage): HTMLElement[] {
  const items = findings.map(({ severity, code, message, remedy }) =>
    el(
      'li',
      { class: severity },
      el('strong', {}, `${severity}: ${code}. `),
      `${message}. `,
      el('span', { class: 'quiet' }, `Try: ${remedy}.`),
    ),
  )
  return [
    el('h3', {}, `${run}: ${state}`),
    ...(error === null ? [] : [el('p', {}, error)]),
    ...(items.length > 0 ? [el('ul', { class: 'findings' }, ...items)] : [el('p', {}, 'No problems found.')]),
    ...(looked === '' ? [] : [el('p', { class: 'quiet' }, looked)]),
    ...(resume === null ? [] : [el('p', {}, 'Continue it: ', el('code', {}, resume))]),
    ...(report === null ? [] : [el('p', { class: 'quiet' }, 'Its report: ', el('code', {}, report))]),
  ]
}

const details = () => store.shown.flatMap((id) => store.details.get(id) ?? [])

export function drawFindings(): void {
  const all = details()
  fill(byId('findings'), JSON.stringify(all.map(({ settings: _, ...rest }) => rest)), () => all.flatMap(findingsOf))
}

/** All monitors of the runs that are shown: the curves as numbers. */
export function drawValues(): void {
  const monitors = (store.hello?.plots ?? [])
    .flatMap((plot) => plot.monitors)
    .filter((monitor) => store.shown.some((run) => newest(run, monitor) !== null))
  const rows = monitors.map((monitor) => [
    monitor,
    ...store.shown.map((run) => digits(newest(run, monitor))),
    store.hello?.meanings[monitor] ?? '',
  ])
  const heads = ['monitor', ...store.shown, 'what it is']
  fill(byId('values'), JSON.stringify([heads, rows]), () => (rows.length === 0 ? [] : tableOf(heads, rows)))
}

export function drawSettings(): void {
  const every = byId<HTMLInputElement>('all-settings').checked || store.shown.length < 2
  const all = details()
  const facts = [...new Set(all.flatMap((detail) => Object.keys(detail.facts)))].map((name) => [
    name,
    ...all.map((detail) => detail.facts[name] ?? '–'),
  ])
  const paths = [...new Set(all.flatMap((detail) => Object.keys(detail.settings)))]
  const rows = paths
    .map((path) => [path, ...all.map((detail) => detail.settings[path] ?? '–')])
    .filter(([, ...values]) => every || values.some((value) => value !== values[0]))
  const heads = ['setting', ...all.map(({ run }) => run)]
  fill(byId('settings'), JSON.stringify([heads, facts, rows]), () =>
    all.length === 0 ? [] : tableOf(heads, [...rows, ...facts]),
  )
}
