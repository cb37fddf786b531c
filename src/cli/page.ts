/** The page that watches runs, served by a command. */
import process from 'node:process'
import type { Dataset } from '../data/dataset.js'
import { LangevinError } from '../errors.js'
import type { FoundRun, RunRecorder } from '../runs/index.js'
import type { TrainResult, TrainRun } from '../training/index.js'
import { type Action, type OwnRun, type Picture, UiServer } from '../ui/index.js'
import { pictureOf, picturesOfFolders } from './pictures.js'
import { rowsOfModel } from './plane.js'
import type { RunFile } from './run-file.js'
import { Interrupted, note } from './support.js'

/** After a run the page stays as long as it is open in a browser; a reload takes less than this, in milliseconds. */
const GRACE = 5000

export interface WatchedRun {
  readonly job: TrainRun<TrainResult>
  readonly recorder: RunRecorder
  readonly file: RunFile
  readonly rows: Dataset
}

/** The orders of the page, carried out on a run. */
function ownRun({ job, recorder }: WatchedRun): OwnRun {
  const requireGoing = () => {
    if (!['queued', 'running', 'paused'].includes(job.state)) {
      throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `the run has ended: it is ${job.state}`)
    }
  }
  const orders: Record<Action, () => Promise<string>> = {
    pause: async () => {
      recorder.pause(job)
      return 'The run is paused.'
    },
    resume: async () => {
      recorder.resume(job)
      return 'The run goes on.'
    },
    checkpoint: async () => {
      const written = job.checkpoint()
      // A paused run has no next step to write it at.
      if (job.state === 'paused') return 'The checkpoint will be written when the run goes on.'
      const event = await written
      return event === undefined ? 'The run has ended.' : `Step ${event.step} is saved in ${event.path}.`
    },
    abort: async () => {
      job.abort(new Interrupted())
      return 'The run stops, with a checkpoint.'
    },
  }
  const order = async (action: Action) => {
    requireGoing()
    return await orders[action]()
  }
  return { id: recorder.id, state: () => job.state, order }
}

/**
 * Pictures of the run that is trained here, by a copy of its energy; after its end as of any other. None between the end of the
 * training and that of the run: its model is being written.
 */
function pictures({ job, recorder, file, rows }: WatchedRun): (run: FoundRun) => Promise<Picture | undefined> {
  const ofFolders = picturesOfFolders()
  return async (run) => {
    const ended = job.state !== 'running' && job.state !== 'paused' && job.state !== 'queued'
    if (run.id === recorder.id && ended && (run.state === 'running' || run.state === 'paused')) return undefined
    if (run.id !== recorder.id || ended || job.state === 'queued') return await ofFolders(run)
    using energy = await job.snapshot()
    const shown = rowsOfModel(rows, file, energy)
    return shown && (await pictureOf(energy, shown, energy.step))
  }
}

/** Serves the page about a run and the others in its folder. @throws (rejects) ERR_LANGEVIN_IO */
export async function serveTraining(root: string, run: WatchedRun, port: number | undefined): Promise<UiServer> {
  const page = await UiServer.start({ root, port, own: ownRun(run), picture: pictures(run) })
  process.stderr.write(`Watch it: ${page.url}\n`)
  return page
}

/** Serves the page about a folder of runs. @throws (rejects) ERR_LANGEVIN_IO */
export const serveFolder = (root: string, port: number | undefined): Promise<UiServer> =>
  UiServer.start({ root, port, picture: picturesOfFolders() })

/** The end of a run: the page goes when nobody looks at it any more, or at Ctrl-C. */
export async function leavePage(page: UiServer, signal: AbortSignal): Promise<void> {
  if (page.pages > 0) note('the page stays until it is closed in the browser, or Ctrl-C')
  await page.unwatched(GRACE, signal)
  await page.close()
}
