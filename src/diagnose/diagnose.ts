/** diagnose(): finds what is wrong with the result of a run and says it in words. */
import { LangevinError } from '../errors.js'
import type { LogLikelihood } from '../evaluate/log-likelihood.js'
import type { Partition } from '../partition/index.js'
import type { SampleResult } from '../sample.js'
import { invalid } from '../spec/index.js'
import type { TrainResult, TrainWarning } from '../training/index.js'
import type { Finding } from './finding.js'
import { partitionLook } from './partition.js'
import { samplingLook } from './sampling.js'
import { ofWarning, trainingLook } from './training.js'

/** What diagnose() takes. */
export type Diagnosable = SampleResult | TrainResult | Partition | LogLikelihood | LangevinError

export interface Diagnosis {
  /** What was checked. */
  readonly of: 'sample' | 'train' | 'partition' | 'error'
  /** Empty when nothing is wrong. Errors come first. */
  readonly findings: readonly Finding[]
  /** What could go wrong and was not looked at here, with what would tell. */
  readonly notChecked: readonly string[]
  /** The same in sentences, one paragraph per finding. */
  readonly text: string
}

/** What a run that ended in an error says: the error, and what it had warned of before. */
function errorFindings(error: LangevinError): Finding[] {
  const { step, chain, monitor, reason, remedy, warnings } = (error.details ?? {}) as {
    step?: number
    chain?: number
    monitor?: string
    reason?: string
    remedy?: string
    warnings?: readonly TrainWarning[]
  }
  const diverged = error.code === 'ERR_LANGEVIN_DIVERGED'
  const failure: Finding = {
    code: diverged ? 'divergent' : 'failed',
    severity: 'error',
    message: `${reason ?? error.message}${monitor === undefined ? '' : ` (monitor: ${monitor})`}`,
    ...(chain !== undefined && { chains: [chain] }),
    ...(step !== undefined && { phase: { step } }),
    remedy: remedy ?? (diverged ? 'a smaller stepSize or lr' : `what docs/errors.md says of ${error.code}`),
  }
  return [failure, ...(warnings ?? []).map(ofWarning)]
}

interface Look {
  of: Diagnosis['of']
  findings: Finding[]
  checked: string
  notChecked: string[]
}

function look(result: Diagnosable): Look {
  if (result instanceof LangevinError) {
    return { of: 'error', findings: errorFindings(result), checked: 'the error', notChecked: [] }
  }
  if (typeof result !== 'object' || result === null) {
    invalid('diagnose', 'result', 'must be what a run resolved with (await run.done), or the error it rejected with')
  }
  if ('diagnostics' in result) return { of: 'sample', ...samplingLook(result) }
  if ('history' in result) return { of: 'train', ...trainingLook(result) }
  if ('partition' in result) return { of: 'partition', ...partitionLook(result.partition) }
  if ('logZ' in result) return { of: 'partition', ...partitionLook(result) }
  invalid('diagnose', 'result', 'has neither diagnostics (sample), history (train) nor logZ (partition)')
}

/**
 * Says in words what is wrong with a result of `sample`, `train`, `partition.*` or `evaluate.logLikelihood`, or with the
 * error a run rejected with: which chains, in which phase, and what to change. Nothing is repaired. The codes and
 * limits are in docs/diagnose.md.
 *
 * A good run has no findings. `notChecked` says what a run without findings can still have wrong: a mode that no chain has
 * visited, for instance.
 */
export function diagnose(result: Diagnosable): Diagnosis {
  const { of, findings, checked, notChecked } = look(result)
  findings.sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'))
  const found = findings.map((f) => `${f.severity}, ${f.code}: ${f.message}.\n  Try: ${f.remedy}.`)
  const none = [
    `No problems found. Checked: ${checked}.`,
    ...(notChecked.length > 0 ? [`Not checked: ${notChecked.join('; ')}.`] : []),
  ]
  return { of, findings, notChecked, text: (findings.length > 0 ? found : none).join('\n') }
}
