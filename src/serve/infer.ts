/** What a request asks of a model, computed; the same for every route. */
import { fromArrays } from '../data/arrays.js'
import type { Dataset } from '../data/dataset.js'
import { LangevinError } from '../errors.js'
import type { OodRows } from '../ood/index.js'
import type { JobOptions } from '../ood/parts.js'
import { HttpError } from './http-error.js'
import { giveBack } from './lent.js'
import type { ServedModel } from './models.js'
import { OUTPUTS, type OutputName } from './schemas.js'
import type { ScorerCallOptions } from './scorer.js'
import type { Decoded, Output } from './tensors.js'

export interface Asked {
  outputs: ReadonlySet<OutputName>
  threshold?: number | undefined
  fpr?: number | undefined
}

export interface Found {
  score: Float64Array
  energy?: Float64Array
  percentile?: Float64Array
  accept?: boolean[]
  contributions?: { values: Float64Array; columns: number }
  threshold: number | undefined
}

function requireFinite(values: Float64Array, what: string): Float64Array {
  const odd = values.findIndex((value) => !Number.isFinite(value))
  if (odd < 0) return values
  throw new LangevinError('ERR_LANGEVIN_NON_FINITE', `${what} ${odd} is ${values[odd]}; the row lies too far out`)
}

async function energies(
  model: ServedModel,
  rows: OodRows,
  count: number,
  call: ScorerCallOptions,
): Promise<Float64Array> {
  const energy = model.energyModel
  if (energy === undefined)
    throw new HttpError(400, `model '${model.name}' has no output 'energy': a ${model.detector.kind} detector has none`)
  return model.scorer.follow(
    async (job) => {
      using found = await energy.energy(rows, job)
      using wide = found.to('float64')
      return wide.toTypedArray() as Float64Array
    },
    count,
    call,
  )
}

/**
 * Scores of rows, and what else was asked for.
 *
 * @throws (rejects) what the scorer does; HttpError 400 for an output that the model has not
 */
export async function evaluateRows(
  model: ServedModel,
  rows: OodRows,
  count: number,
  { outputs, ...asked }: Asked,
  call: ScorerCallOptions,
): Promise<Found> {
  const { detector, scorer } = model
  const threshold = model.threshold(asked)
  if (outputs.has('accept') && threshold === undefined) {
    throw new HttpError(400, `output 'accept' needs a threshold: give parameters.threshold or parameters.fpr`)
  }
  // Refused before anything is computed.
  if (outputs.has('percentile')) detector.quantile(0)
  const score = await scorer.score(rows, call, true)
  const found: Found = { score, threshold }
  if (outputs.has('energy')) {
    found.energy =
      detector.kind === 'energy' ? score : requireFinite(await energies(model, rows, count, call), 'energy')
  }
  if (outputs.has('percentile')) found.percentile = score.map((value) => 100 * detector.quantile(value))
  if (outputs.has('accept')) found.accept = Array.from(score, (value) => value <= threshold!)
  if (outputs.has('contributions')) {
    const work = async (job: JobOptions) => {
      using values = await detector.contributions(rows, job)
      return { values: values.toTypedArray() as Float64Array, columns: values.shape[1]! }
    }
    found.contributions = await scorer.follow(work, count, call)
    requireFinite(found.contributions.values, 'contribution')
  }
  // Scores that no client gets are not among those that are watched.
  model.watch(score)
  return found
}

/** Found values as tensors of the protocol. */
export function outputsOf(found: Found, names: readonly OutputName[]): Output[] {
  const n = found.score.length
  return names.map((name) => {
    if (name === 'accept') return { name, datatype: 'BOOL', shape: [n], values: found.accept! }
    if (name !== 'contributions') return { name, datatype: 'FP64', shape: [n], values: found[name]! }
    const { values, columns } = found.contributions!
    return { name, datatype: 'FP64', shape: [n, columns], values }
  })
}

/** A name that a client asked for. @throws HttpError 400 */
export function outputNamed(model: ServedModel, name: string): OutputName {
  if ((OUTPUTS as readonly string[]).includes(name)) return name as OutputName
  throw new HttpError(
    400,
    `model '${model.name}' has no output '${name.slice(0, 64)}'; it has ${[...model.outputs, 'contributions'].join(', ')}`,
  )
}

/**
 * Inputs of a request as rows: `x`, or the columns of the schema one by one. `dispose` frees what was made, and gives back the
 * numbers of the inputs.
 */
export function rowsOf(
  model: ServedModel,
  inputs: readonly Decoded[],
): { rows: OodRows; count: number; dispose(): void } {
  const [first] = inputs as [Decoded, ...Decoded[]]
  if (inputs.length === 1 && first.name === 'x') {
    const { shape, values } = first
    if (shape.length < 2) {
      throw new HttpError(400, `input 'x' has shape [${shape.join(', ')}]; rows have shape [n, ${model.width}]`)
    }
    return { rows: { data: values, shape }, count: shape[0]!, dispose: () => giveBack(values) }
  }
  const columns = model.detector.inputs?.columns
  if (columns === undefined) {
    throw new HttpError(
      400,
      `model '${model.name}' knows no columns by name; give one input 'x' of shape [n, ${model.width}]`,
    )
  }
  const count = first.shape[0]!
  const uneven = inputs.find(({ shape }) => shape[0] !== count)
  if (uneven !== undefined)
    throw new HttpError(400, `input '${uneven.name}' has ${uneven.shape[0]} rows, '${first.name}' has ${count}`)
  const arrays = inputs.map(({ name, shape, values }): [string, { data: Decoded['values']; shape: number[] }] => [
    name,
    { data: values, shape: shape.length === 2 && shape[1] === 1 ? [count] : shape },
  ])
  const dataset: Dataset = fromArrays(arrays, { label: null })
  const dispose = () => {
    dataset.dispose()
    for (const { values } of inputs) giveBack(values)
  }
  return { rows: dataset, count, dispose }
}
