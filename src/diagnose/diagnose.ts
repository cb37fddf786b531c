/** diagnose(): finds what is wrong with the result of a run and says it in words. */
import { LangevinError } from '../errors.js'
import type { LogLikelihood } from '../evaluate/log-likelihood.js'
import type { Partition } from '../partition/index.js'
import type { SampleResult } from '../sample.js'
import { invalid } from '../spec/index.js'
import type { TrainResult } from '../training/index.js'
import { applied, type Finding } from './finding.js'
import { partitionFindings } from './partition.js'
import { SAMPLING_RULES } from './sampling.js'
import { trainingFindings } from './training.js'

/** What diagnose() takes. */
export type Diagnosable = SampleResult | TrainResult | Partition | LogLikelihood | LangevinError

export interface Diagnosis {
  /** What was checked. */
  readonly of: 'sample' | 'train' | 'partition' | 'error'
  /** Empty when nothing is wrong. Errors come first. */
  readonly findings: readonly Finding[]
  /** The same in sentences, one paragraph per finding. */
  readonly text: string
}

const CHECKED = {
  sample:
    'divergences, stuck chains, modes, burn-in, R-hat, effective draws, step-size bias, temperature, clipping, box',
  train: 'gap, chains, buffer, gradient, energy level, energy of noise',
  partition: 'weights, bracket, grid, border of the grid',
  error: 'whether the run diverged',
} as const

/** What a run that ended in an error says. */
function errorFindings(error: LangevinError): Finding[] {
  if (error.code !== 'ERR_LANGEVIN_DIVERGED') return []
  const { step, chain, monitor, reason, remedy } = (error.details ?? {}) as {
    step?: number
    chain?: number
    monitor?: string
    reason?: string
    remedy?: string
  }
  return [
    {
      code: 'divergent',
      severity: 'error',
      message: `${reason ?? error.message}${monitor === undefined ? '' : ` (monitor: ${monitor})`}`,
      ...(chain !== undefined && { chains: [chain] }),
      ...(step !== undefined && { phase: { step } }),
      remedy: remedy ?? 'a smaller stepSize or lr',
    },
  ]
}

function look(result: Diagnosable): { of: Diagnosis['of']; findings: Finding[] } {
  if (result instanceof LangevinError) return { of: 'error', findings: errorFindings(result) }
  if (typeof result !== 'object' || result === null) {
    invalid('diagnose', 'result', 'must be what a run resolved with (await run.done), or the error it rejected with')
  }
  if ('diagnostics' in result) return { of: 'sample', findings: applied(SAMPLING_RULES, result) }
  if ('history' in result) return { of: 'train', findings: trainingFindings(result) }
  if ('partition' in result) return { of: 'partition', findings: partitionFindings(result.partition) }
  if ('logZ' in result) return { of: 'partition', findings: partitionFindings(result) }
  invalid('diagnose', 'result', 'has neither diagnostics (sample), history (train) nor logZ (partition)')
}

/**
 * Says in words what is wrong with a result of `sample`, `train`, `partition.*` or `evaluate.logLikelihood`, or with the
 * error a run rejected with: which chains, in which phase, and what to change. Nothing is repaired. The codes and
 * limits are in docs/diagnose.md.
 *
 * A good run has no findings. Problems that no chain has seen (a mode that none of them visited) are not found.
 */
export function diagnose(result: Diagnosable): Diagnosis {
  const { of, findings } = look(result)
  findings.sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'))
  const text =
    findings.length === 0
      ? `No problems found. Checked: ${CHECKED[of]}.`
      : findings.map((f) => `${f.severity}, ${f.code}: ${f.message}.\n  Try: ${f.remedy}.`).join('\n')
  return { of, findings, text }
}
