/** What the server knows of runs, as messages for the page. */
import { type FoundRun, settingsOf } from '../runs/index.js'
import { MONITORS, PLOTS, type Plot } from '../training/index.js'
import type { DetailMessage, FindingMessage, Hello, RunSummary } from './messages.js'

/** Light and dark paper; neighbours differ without colour vision, too. */
const PALETTE = ['#1292a0', '#c8692b', '#7a62c9', '#8a9a2e', '#c2487f', '#4d7fd1']

const plotOf = (name: string, plot: Plot): Hello['plots'][number] => ({
  title: plot.title,
  log: plot.log === true,
  monitors: Object.entries(MONITORS).flatMap(([monitor, text]) => (text.plot === name ? [monitor] : [])),
  guide: plot.guides?.[0]?.y ?? null,
})

export function helloMessage(version: string, folder: string, following: readonly string[]): Hello {
  return {
    version,
    folder,
    plots: Object.entries(PLOTS).map(([name, plot]) => plotOf(name, plot)),
    meanings: Object.fromEntries(Object.entries(MONITORS).map(([name, { meaning }]) => [name, meaning])),
    palette: PALETTE,
    following: [...following],
  }
}

const finite = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? null : value)

/** @param own the state of the run, where this process trains it */
export function summaryOf(run: FoundRun, own: string | undefined): RunSummary {
  const { id, state, step, steps, loss, seconds, stepsPerSecond, record } = run
  return {
    id,
    state: own ?? state,
    own: own !== undefined,
    step,
    steps: steps ?? null,
    loss: finite(loss),
    seconds: finite(seconds),
    stepsPerSecond: finite(stepsPerSecond),
    started: record.started,
    objective: String((run.run.objective as { kind?: string } | undefined)?.kind ?? ''),
    findings: record.findings?.length ?? null,
  }
}

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

const looked = (run: FoundRun): string => {
  if (run.record.findings !== undefined) {
    const open = run.record.notChecked ?? []
    return open.length > 0 ? `Not looked at: ${open.join('; ')}.` : ''
  }
  return 'So far: monitors against their limits, energy level, gradient. The end of the run tells more.'
}

/** @param soFar findings of a run that has not ended */
export function detailOf(run: FoundRun, own: string | undefined, soFar: readonly FindingMessage[]): DetailMessage {
  const { record, id, state } = run
  const { environment: e, seed, rows, parameters } = record
  const findings = (record.findings ?? soFar).map(({ severity, code, message, remedy }) => ({
    severity,
    code,
    message,
    remedy,
  }))
  const ended = ['done', 'failed', 'aborted', 'interrupted'].includes(state)
  return {
    run: id,
    state: own ?? state,
    own: own !== undefined,
    findings,
    looked: looked(run),
    settings: Object.fromEntries([...settingsOf(run)].map(([path, value]) => [path, shown(value)])),
    facts: {
      seed: String(seed),
      rows: String(rows),
      parameters: String(parameters),
      started: record.started,
      ...(record.ended !== undefined && { ended: record.ended }),
      ...(record.resumed.length > 0 && { resumed: record.resumed.map(({ step }) => `after step ${step}`).join(', ') }),
      langevin: `${e.langevin} on LibTorch ${e.libtorch}, Node.js ${e.node}`,
      machine: `${e.processor}, ${e.cores} cores, ${e.system}`,
    },
    error: record.error?.message ?? null,
    resume: ended && own === undefined && state !== 'done' ? `npx langevin runs resume ${id}` : null,
    report: state === 'done' ? `${run.path}/report.html` : null,
  }
}
