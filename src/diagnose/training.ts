/** Rules that look at the result of train(). */
import type { TrainResult, TrainWarning } from '../training/index.js'
import { type Finding, percent, type Rule, short } from './finding.js'

/** Limits of the findings; docs/diagnose.md gives the reasons. Those of monitors come with their warnings. */
export const TRAINING_LIMITS = { visits: 5, restarts: 0.5, energy: 1000, gradientJump: 100 } as const
const L = TRAINING_LIMITS

function ofWarning({ code, severity, step, message, remedy }: TrainWarning): Finding {
  return { code, severity, message: `from step ${step} on ${message}`, phase: { step }, remedy }
}

interface BufferStatistics {
  size: number
  draws: number
  restartShare: number
  saturation: number
}

const bufferOf = (result: TrainResult) => result.statistics.buffer as BufferStatistics | undefined

const stale: Rule<TrainResult> = (result) => {
  const buffer = bufferOf(result)
  if (buffer === undefined) return undefined
  const visits = buffer.draws / buffer.size
  if (visits >= L.visits) return undefined
  return {
    code: 'buffer-stale',
    severity: 'warning',
    message: `the chains of the buffer were advanced ${short(visits)} times each in the whole run (limit ${L.visits}), ${percent(1 - buffer.saturation)} of them never: most negatives are starting points or stale`,
    remedy: `a smaller buffer (size is ${buffer.size}), more chains per step, or more steps`,
  }
}

const restarts: Rule<TrainResult> = (result) => {
  const share = bufferOf(result)?.restartShare ?? 0
  if (share <= L.restarts) return undefined
  return {
    code: 'buffer-restarts',
    severity: 'warning',
    message: `${percent(share)} of the draws from the buffer were restarts (limit ${percent(L.restarts)}): almost no chain continues`,
    remedy: 'a smaller reinit; 0.01 to 0.05 is usual',
  }
}

const level: Rule<TrainResult> = ({ history }) => {
  const last = history.at(-1)
  const energy = last?.energyData
  if (energy === undefined || Math.abs(energy) <= L.energy) return undefined
  return {
    code: 'energy-level',
    severity: 'warning',
    message: `the mean energy of the data has drifted to ${short(energy)} (limit ${L.energy} in absolute value): float32 differences lose precision there`,
    phase: { step: last!.step },
    remedy: 'penalties: { energy: 0.1 }, or a smaller lr',
  }
}

const unstable: Rule<TrainResult> = ({ history }) => {
  if (history.length < 20) return undefined
  const norms = history.map((point) => point.gradientNorm)
  const median = [...norms].sort((a, b) => a - b)[norms.length >> 1]!
  const later = history.slice(history.length >> 2)
  const worst = later.reduce((a, b) => (b.gradientNorm > a.gradientNorm ? b : a))
  if (!(worst.gradientNorm > L.gradientJump * median)) return undefined
  return {
    code: 'unstable',
    severity: 'warning',
    message: `the gradient norm jumped to ${short(worst.gradientNorm)}, ${short(worst.gradientNorm / median)} times its median (limit ${L.gradientJump})`,
    phase: { step: worst.step },
    remedy: 'clipNorm, or a smaller lr',
  }
}

const RULES: readonly Rule<TrainResult>[] = [stale, restarts, level, unstable]

export function trainingFindings(result: TrainResult): Finding[] {
  return [...result.warnings.map(ofWarning), ...RULES.flatMap((rule) => rule(result) ?? [])]
}
