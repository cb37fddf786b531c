/** The units a detector works in: those of its models, where they have inputs. */
import type { InputRows } from '../data/input-rows.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import type { Asked } from './parts.js'

export const modelsIn = ({ model, models }: Asked): readonly Energy[] => models ?? (model === undefined ? [] : [model])

/**
 * How rows come into the units of the models; undefined where the models take rows as they are.
 *
 * @throws ERR_LANGEVIN_UNSUPPORTED for models with unequal inputs
 */
export function conversionOf(detector: Asked): InputRows | undefined {
  const [first, ...others] = modelsIn(detector)
  if (first === undefined) return undefined
  const inputs = JSON.stringify(first.inputs)
  if (others.some((other) => JSON.stringify(other.inputs) !== inputs)) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'ood: models: the energies have different inputs, so they cannot share rows; train them with the same data.inputs(...)',
    )
  }
  return first.conversion
}

/**
 * A detector as the core takes it, whose rows are in the units of the models. A model with `inputs` makes `energy` E(x) of the
 * data's units, as `model.energy(x)` gives it; `scoreNorm` is measured in standardised units, where every column counts alike.
 */
export function coreOf(detector: Asked): { kind: string } {
  const { model, models, ...rest } = detector
  const handles = modelsIn(detector).map((each) => each.native())
  const shift = conversionOf(detector)?.logScale ?? 0
  const energy = rest.kind === 'energy' && shift !== 0 ? { kind: 'likelihood', logZ: shift } : {}
  const likelihood = rest.kind === 'likelihood' ? { logZ: (rest.logZ as number) + shift } : {}
  const own = models !== undefined ? { models: handles } : model === undefined ? {} : { model: handles[0] }
  return { ...rest, ...energy, ...likelihood, ...own }
}
