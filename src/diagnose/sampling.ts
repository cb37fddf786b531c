/** Rules that look at the result of sample(). */
import type { SampleResult } from '../sample.js'
import { applied, type Examination, named, percent, type Rule, short } from './finding.js'

/** Limits of the findings; docs/diagnose.md gives the reasons. */
export const SAMPLING_LIMITS = {
  rhat: 1.05,
  /** From here on "unmixed" is an error: short runs of many chains have some R-hat from their shortness alone. */
  rhatError: 1.2,
  driftZ: 6,
  driftRhat: 1.01,
  effective: 100,
  burnInDivergences: 0.1,
  /** Below 1 - limit sqrt(d), d at most 32: on a Gaussian a bias of the variance beyond about 14 % (error: 33 %). */
  refusedByTest: 0.03,
  refusedByTestError: 0.07,
  adjustedAcceptance: 0.2,
  temperature: 0.01,
  clipped: 0.01,
  clamped: 0.01,
  /** With fewer draws, a chain that did not move may just have had its proposals rejected. */
  stuckDraws: 20,
  /** Adaptation needs about so many steps; fewer are warned of when its outcome is poor. */
  warmup: 50,
  acceptanceMissed: 0.15,
  stepSizesApart: 4,
  /** Of parallel tempering, a chain: with none at all what the hot end finds has not come down. */
  roundTrips: 1,
  /** Of a pair of neighbouring temperatures. */
  swapAcceptance: 0.2,
  /** Round trips against what the swaps allow. */
  idealTrips: 0.25,
} as const
const L = SAMPLING_LIMITS

type Diagnostics = SampleResult['diagnostics']

/** Kernels without a step size report none. */
const now = ({ stepSize }: SampleResult['diagnostics']) => (stepSize === null ? '' : ` (now ${short(stepSize.mean)})`)

const stuck: Rule<SampleResult> = ({ diagnostics: d }) => {
  const chains = d.chainReport.stuck
  if (chains.length === 0) return undefined
  if (d.traced.draws < L.stuckDraws && (d.acceptance ?? 1) >= 0.1) return undefined
  const share = chains.length / d.traced.chains
  return {
    code: 'stuck',
    severity: share > 0.1 ? 'error' : 'warning',
    message: `${named(chains)} of the ${d.traced.chains} traced did not move during the ${d.traced.draws} draws after burn-in`,
    chains,
    phase: 'sampling',
    remedy: `a smaller stepSize${now(d)}, for hmc a warmup that adapts it; look at where these chains start`,
  }
}

const divergent: Rule<SampleResult> = ({ diagnostics: d }) => {
  const during = d.divergences > 0 ? 'sampling' : 'burn-in'
  const [count, steps] = d.divergences > 0 ? [d.divergences, d.steps - d.burnIn] : [d.burnInDivergences, d.burnIn]
  const share = count / (d.chains * Math.max(steps, 1))
  // A warm-up tries large steps on purpose.
  if (count === 0 || (during === 'burn-in' && share <= L.burnInDivergences)) return undefined
  return {
    code: 'divergent',
    severity: during === 'sampling' && share > 0.01 ? 'error' : 'warning',
    message: `${count} proposals (${percent(share)}) diverged during ${during}: their energy was not finite, or off by more than 1000`,
    phase: during,
    remedy: `a smaller stepSize${now(d)} or fewer leapfrogSteps; regions these proposals aimed at are missing from the draws`,
  }
}

const modes: Rule<SampleResult> = ({ diagnostics: d }) => {
  const s = d.chainReport.separated
  if (d.rhat === null || d.rhat <= L.rhat || s === null) return undefined
  const fewer = s.low.length <= s.high.length
  const [chains, here, there] = fewer ? [s.low, s.lowMean, s.highMean] : [s.high, s.highMean, s.lowMean]
  return {
    code: 'modes',
    severity: 'error',
    message: `${named(chains)} ${chains.length === 1 ? 'stays' : 'stay'} about x[${s.column}] = ${short(here)}, the other ${d.traced.chains - chains.length} traced chains about ${short(there)}: no chain moves between them (R-hat ${short(d.rhat)}, limit ${L.rhat}), so mode weights reflect the starting points, not the model`,
    chains,
    phase: 'sampling',
    remedy: 'a sampler that crosses between modes (parallelTempering, annealedLangevin), or more steps',
  }
}

const burnIn: Rule<SampleResult> = ({ diagnostics: d }) => {
  const drift = d.chainReport.drift
  if (d.rhat === null || drift === null || d.rhat <= L.driftRhat || Math.abs(drift.z) <= L.driftZ) return undefined
  return {
    code: 'burn-in',
    severity: d.rhat > L.rhat ? 'error' : 'warning',
    message: `the chains still drift together: the mean of x[${drift.column}] went from ${short(drift.first)} in the first half of the draws to ${short(drift.second)} in the second, ${short(Math.abs(drift.z))} standard errors (limit ${L.driftZ})`,
    phase: 'burn-in',
    remedy: `more burnIn (now ${d.burnIn} of ${d.steps} steps) and more steps, or starts nearer to the law`,
  }
}

const unmixed: Rule<SampleResult> = (result) => {
  const { diagnostics: d } = result
  const worst = Math.max(d.rhat ?? 0, d.energy.rhat ?? 0)
  if (worst <= L.rhat || modes(result) || burnIn(result)) return undefined
  return {
    code: 'unmixed',
    severity: worst > L.rhatError ? 'error' : 'warning',
    message: `chains disagree: R-hat is ${short(worst)}${(d.rhat ?? 0) < worst ? ' for the energy' : ''} (limit ${L.rhat})`,
    phase: 'sampling',
    remedy: `more steps (now ${d.steps}), or a step size that moves farther${now(d)}`,
  }
}

const few: Rule<SampleResult> = ({ diagnostics: d }) => {
  const { bulk } = d.ess
  if (bulk === null || bulk >= L.effective || (d.rhat ?? 0) > L.rhat) return undefined
  return {
    code: 'few-draws',
    severity: 'warning',
    message: `all traced draws together are worth ${short(bulk)} independent ones (limit ${L.effective})`,
    phase: 'sampling',
    remedy: `about ${Math.ceil((4 * L.effective) / Math.max(bulk, 1))} times the steps, or more chains`,
  }
}

const stepBias: Rule<SampleResult> = ({ diagnostics: d }) => {
  const rate = d.wouldBeAcceptance
  const limit = (share: number) => 1 - share * Math.sqrt(d.traced.columns)
  if (rate === null || rate >= limit(L.refusedByTest)) return undefined
  return {
    code: 'step-size',
    severity: rate < limit(L.refusedByTestError) ? 'error' : 'warning',
    message: `the sampler has no Metropolis test, and one would accept only ${percent(rate)} of its steps (limit ${percent(limit(L.refusedByTest))}): the draws follow a law that is biased by the step size`,
    phase: 'sampling',
    remedy: `a smaller stepSize${now(d)}, or mala, which tests every step`,
  }
}

const refused: Rule<SampleResult> = ({ diagnostics: d }) => {
  if (d.acceptance === null || d.acceptance >= L.adjustedAcceptance) return undefined
  return {
    code: 'refused',
    severity: 'warning',
    message: `only ${percent(d.acceptance)} of the proposals are accepted (limit ${percent(L.adjustedAcceptance)}): chains move little`,
    phase: 'sampling',
    remedy: `a smaller stepSize${now(d)}; mala does best near 57 %, hmc near 80 %`,
  }
}

const temperature: Rule<SampleResult> = ({ diagnostics: d }) => {
  const t = d.effectiveTemperature
  if (Math.abs(t - 1) <= L.temperature) return undefined
  return {
    code: 'temperature',
    severity: 'warning',
    message: `the chains end at temperature ${short(t)}, not 1: they sample exp(-E / ${short(t)})`,
    phase: 'sampling',
    remedy:
      'temperature: 1, or for the heuristic form of langevin noise = sqrt(2 stepSize); leave it when this law is what you want',
  }
}

const clipped: Rule<SampleResult> = ({ diagnostics: d }) => {
  // With a test the clipped drift is only a proposal.
  if (d.acceptance !== null || d.clippedShare <= L.clipped) return undefined
  return {
    code: 'clipped',
    severity: 'warning',
    message: `${percent(d.clippedShare)} of the chain steps had their gradient clipped (limit ${percent(L.clipped)}): there the chains do not follow the energy`,
    phase: 'sampling',
    remedy: 'a larger clip with a smaller stepSize, or mala, which stays exact with a clip',
  }
}

const clamped: Rule<SampleResult> = ({ diagnostics: d, sampler }) => {
  const box = sampler.box as { mode?: string } | undefined
  if (box?.mode !== 'clamp' || d.clampedShare <= L.clamped) return undefined
  return {
    code: 'clamped',
    severity: 'warning',
    message: `${percent(d.clampedShare)} of the chain steps were set back onto the border of the box (limit ${percent(L.clamped)}): probability piles up there`,
    phase: 'sampling',
    remedy: "box mode: 'reflect', or a wider box",
  }
}

const runaway: Rule<SampleResult> = ({ diagnostics: d }) => {
  // Absent from results of earlier versions.
  if (!d.escaping) return undefined
  const { falling, flat, farthest, chains: looked } = d.escaping
  const chains = falling.length > 0 ? falling : flat
  const does = falling.length > 0 ? 'falls' : 'does not rise'
  return {
    code: 'runaway',
    severity: 'error',
    message: `${named(chains)} of the ${looked} looked at ${chains.length === 1 ? 'runs' : 'run'} away: |x| has come to ${short(farthest)}, and a million times as far along their way the energy still ${does}: exp(-E) has no integral, and the draws are of no law`,
    chains,
    phase: 'sampling',
    remedy: 'a gaussianBase in the energy (and train again), or a box in the sampler; more steps do not help',
  }
}

/** What would bring more round trips: swaps first, then the steps between them, then time. */
function tripRemedy({ swapAcceptance, communicationBarrier, roundTripRate, idealRoundTripRate }: Diagnostics): string {
  const shares = (swapAcceptance ?? []).map((share) => share ?? 0)
  const worst = Math.min(...shares)
  const pair = shares.indexOf(worst)
  if (worst < L.swapAcceptance) {
    const levels = `about ${Math.ceil(2 * (communicationBarrier ?? shares.length) + 1)} temperatures`
    return `${levels}, or adapt, which moves them until all pairs swap alike: temperatures ${pair} and ${pair + 1} swap in ${percent(worst)} of the attempts`
  }
  if (roundTripRate! < L.idealTrips * (idealRoundTripRate ?? 0))
    return `more steps of the inner sampler between swaps: the swaps alone would allow ${short(idealRoundTripRate!)} a step`
  return `more steps: one in ${Math.ceil(1 / Math.max(idealRoundTripRate ?? 0, 1e-9))} steps is what the swaps allow`
}

const roundTrips: Rule<SampleResult> = ({ diagnostics: d }) => {
  if (d.roundTrips === undefined || d.swapAcceptance === undefined) return undefined
  if (d.roundTrips >= L.roundTrips * d.chains) return undefined
  return {
    code: 'round-trips',
    severity: 'warning',
    message: `${d.roundTrips} round trips from the first temperature to the last and back in ${d.chains} chains (limit ${L.roundTrips} a chain): what the hot replicas find has hardly come down`,
    phase: 'sampling',
    remedy: tripRemedy(d),
  }
}

interface Adapting {
  warmup: number
  target: number
}

/** The samplers that adapt: this one, and those inside it. */
function adapting(sampler: object): Adapting[] {
  const inside = Object.values(sampler).flatMap((value) =>
    typeof value === 'object' && value !== null ? adapting(value) : [],
  )
  const { kind, steps, warmup, targetAcceptance } = sampler as Record<string, unknown>
  const own = kind === 'nuts' && warmup === undefined ? Number(steps) >> 1 : warmup
  if (typeof own !== 'number' || own === 0) return inside
  return [{ warmup: own, target: typeof targetAcceptance === 'number' ? targetAcceptance : 0.8 }, ...inside]
}

const shortWarmup: Rule<SampleResult> = ({ diagnostics: d, sampler }) => {
  const least = adapting(sampler).sort((a, b) => a.warmup - b.warmup)[0]
  if (least === undefined || least.warmup >= L.warmup) return undefined
  const apart = d.stepSize === null ? 1 : d.stepSize.max / d.stepSize.min
  const missed = d.acceptance === null ? 0 : least.target - d.acceptance
  if (apart <= L.stepSizesApart && missed <= L.acceptanceMissed && (d.rhat ?? 1) <= L.rhat) return undefined
  const sizes = d.stepSize === null ? '' : `, step sizes from ${short(d.stepSize.min)} to ${short(d.stepSize.max)}`
  return {
    code: 'short-warmup',
    severity: 'warning',
    message: `a warm-up of ${least.warmup} steps (limit ${L.warmup}) has not tuned the chains: acceptance ${d.acceptance === null ? 'unknown' : short(d.acceptance)} (target ${short(least.target)})${sizes}`,
    phase: 'burn-in',
    remedy: 'a warmup of 200 steps or more',
  }
}

const RULES: readonly Rule<SampleResult>[] = [
  runaway,
  divergent,
  stuck,
  modes,
  burnIn,
  unmixed,
  few,
  shortWarmup,
  roundTrips,
  stepBias,
  refused,
  temperature,
  clipped,
  clamped,
]

/** What chains that run away do besides, and what is said of them anyway: each would be mended by another remedy. */
const FOLLOWS_FROM_RUNAWAY = ['stuck', 'modes', 'burn-in', 'unmixed', 'few-draws', 'short-warmup', 'round-trips']

export function samplingLook(result: SampleResult): Examination {
  const { chains, traced, rhat } = result.diagnostics
  const found = applied(RULES, result)
  const away = found.some(({ code }) => code === 'runaway')
  const notChecked = ['modes that no chain has visited']
  if (rhat === null) notChecked.unshift(`mixing (R-hat needs 4 traced draws that vary; there are ${traced.draws})`)
  else if (traced.chains < chains) notChecked.push(`chains beyond the first ${traced.chains}`)
  return {
    findings: away ? found.filter(({ code }) => !FOLLOWS_FROM_RUNAWAY.includes(code)) : found,
    checked:
      'divergences, chains that run away or are stuck, modes, burn-in, R-hat, effective draws, warm-up, round trips of tempering, step-size bias, temperature, clipping, box',
    notChecked,
  }
}
