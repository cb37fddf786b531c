/** The units a detector works in: those of its models, where they have inputs. */
import { Dataset } from '../data/dataset.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'

type Parts = { kind: string; model?: Energy; models?: readonly Energy[]; logZ?: number }

/** A detector as the core takes it, and how rows come to it: a tensor that needs no change is returned as it is. */
export interface Prepared {
  readonly detector: object
  toRows(value: RowsLike | Dataset, what: string, dtype?: 'float64'): Tensor
}

/**
 * Takes the models out of a detector. A model with `inputs` brings rows into its units; then `energy` is E(x) of the data's units,
 * as `model.energy(x)` gives it, and `scoreNorm` is measured in standardised units, where every column counts alike.
 *
 * @throws ERR_LANGEVIN_UNSUPPORTED for averagedEnergy over models with unequal inputs
 */
export function prepared(given: object): Prepared {
  const { model, models = model === undefined ? [] : [model], ...rest } = given as Parts
  const [first] = models
  if (first === undefined) return { detector: given, toRows: plain }
  const inputs = JSON.stringify(first.inputs)
  if (models.some((other) => JSON.stringify(other.inputs) !== inputs)) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'ood: models: the energies have different inputs, so they cannot share rows; train them with the same data.inputs(...)',
    )
  }
  const handles = models.map((each) => each.native())
  const shift = first.conversion?.logScale ?? 0
  const energy = rest.kind === 'energy' && shift !== 0 ? { kind: 'likelihood', logZ: shift } : {}
  const likelihood = rest.kind === 'likelihood' ? { logZ: rest.logZ! + shift } : {}
  const own = model === undefined ? { models: handles } : { model: handles[0] }
  return {
    detector: { ...rest, ...energy, ...likelihood, ...own },
    toRows: (value, what, dtype) => first.toRows(value, what, dtype),
  }
}

function plain(value: RowsLike | Dataset, what: string, dtype?: 'float64'): Tensor {
  return value instanceof Dataset ? value.toTensor() : toRows(value, what, dtype)
}
