/** The run that the serving process trains: how far it is, and the orders it takes. */
import type { Action, CommandAnswer, RunSummary } from '../messages.js'
import { byId, digits, duration, say } from './dom.js'
import { store } from './store.js'

const own = (): RunSummary | undefined => store.runs.find((run) => run.own)
const going = (run: RunSummary) => run.state === 'running' || run.state === 'paused' || run.state === 'queued'
const BUTTONS = ['pause', 'checkpoint', 'abort'] as const

/** Orders are not given twice while one is on its way. */
let asking = false

async function order(action: Action): Promise<void> {
  const run = own()
  if (run === undefined || asking) return
  asking = true
  drawOwn()
  say(byId('message'), '')
  try {
    const answer = await fetch('command', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ run: run.id, action }),
    })
    say(byId('message'), ((await answer.json()) as CommandAnswer).message)
  } catch {
    say(byId('message'), `${action}: the process does not answer`)
  } finally {
    asking = false
    drawOwn()
  }
}

function progressOf(run: RunSummary): string {
  const { id, state, step, steps, loss, stepsPerSecond } = run
  const whole = steps === null ? `${step}` : `${step} of ${steps}`
  const left =
    state === 'running' && steps !== null && stepsPerSecond ? `, ${duration((steps - step) / stepsPerSecond)} left` : ''
  const speed = state === 'running' ? `, ${digits(stepsPerSecond)} steps/s${left}` : ''
  return `${id}: ${state}, step ${whole}, loss ${digits(loss)}${speed}`
}

export function drawOwn(): void {
  const run = own()
  byId('own').hidden = run === undefined
  if (run === undefined) return
  say(byId('own-progress'), progressOf(run))
  byId<HTMLProgressElement>('own-bar').value = run.steps === null ? 0 : run.step / run.steps
  say(byId('pause'), run.state === 'paused' ? 'Resume' : 'Pause')
  const open = going(run) && !asking
  // While an order is on its way the buttons stay as they are: a disabled one would lose the keyboard's place.
  for (const id of BUTTONS) byId<HTMLButtonElement>(id).disabled = !going(run)
  for (const id of BUTTONS) byId(id).setAttribute('aria-busy', String(!open && going(run)))
}

byId('pause').addEventListener('click', () => void order(own()?.state === 'paused' ? 'resume' : 'pause'))
byId('checkpoint').addEventListener('click', () => void order('checkpoint'))
byId('abort').addEventListener('click', () => byId<HTMLDialogElement>('confirm').showModal())
byId('confirm').addEventListener('close', () => {
  const dialog = byId<HTMLDialogElement>('confirm')
  if (dialog.returnValue === 'yes') void order('abort')
  dialog.returnValue = ''
})
