/** A fitted detector as the parts of a scorer file, where its score is made of energies of the row alone. */
import type { ScorerParts } from '../compiled/write.js'
import { LangevinError } from '../errors.js'
import type { Calibration } from './calibration.js'
import type { Fit } from './parts.js'
import { coreOf, modelsIn } from './units.js'

/** Sums of energies on one scale: native/core/evaluation/detectors_averaged.cpp. */
const AVERAGED = new Set(['averagedEnergy', 'energyLadder'])

/** @throws ERR_LANGEVIN_UNSUPPORTED for a detector that needs more than energies */
export function scorerParts(fit: Fit, calibration: Calibration | undefined, fpr: number | undefined): ScorerParts {
  const { detector, state, inputs } = fit
  const core = coreOf(detector) as { kind: string; logZ?: number }
  const numbers = (name: string) => state[name]!.toArray() as number[]
  const made = AVERAGED.has(core.kind)
    ? { mean: numbers('mean'), deviation: numbers('deviation'), shift: 0 }
    : { mean: [0], deviation: [1], shift: core.logZ ?? 0 }
  if (!AVERAGED.has(core.kind) && core.kind !== 'energy' && core.kind !== 'likelihood') {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `exportScorer: the scorer evaluates energies alone, and the score of a ${detector.kind} detector is more than that; use ` +
        'energy, likelihood, averagedEnergy or energyLadder, or serve it with the whole package',
      { details: { kind: detector.kind } },
    )
  }
  const models = modelsIn(detector)
  if (models.some(({ dtype }) => dtype !== models[0]!.dtype)) {
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', 'exportScorer: the energies of the detector have unlike dtypes')
  }
  return {
    models: models.map((model) => ({ kind: model.spec.kind, network: model.native() })),
    inputs: inputs?.inputs,
    detector: { kind: detector.kind, ...made, ...(fpr !== undefined && { fpr }) },
    heldOut: calibration?.scores,
  }
}
