/** Fits detectors to training rows, and reads fitted ones. */
import type { Schema } from '../columns/index.js'
import { Dataset } from '../data/dataset.js'
import { InputRows } from '../data/input-rows.js'
import { inputs as inputsBy } from '../data/inputs.js'
import { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { invoke, invokeNow, type TrainWarning } from '../runtime/index.js'
import { kindsOf, type OfFamily, requireOptions } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import {
  type DenoisingScore,
  type Ensemble,
  type EnsemblePlan,
  planEnsemble,
  trainMembers,
  trainScore,
} from './ensemble.js'
import { type LoadDetectorOptions, readDetector } from './file.js'
import { FittedDetector } from './fitted.js'
import { type Ladder, trainLadder } from './ladder.js'
import { type Asked, disposeFit, type Fit, type JobOptions } from './parts.js'
import { REFERENCE_ROWS, referenceOf } from './reference.js'
import { inputsOf, Made, type OodRows } from './rows.js'
import { conversionOf, coreOf, modelsIn } from './units.js'

/** Any value of `detectors.*`. */
export type Detector = { readonly kind: string } & OfFamily<'detector'>

type Parts = Asked & { readonly rows?: OodRows }

export interface FitOptions extends JobOptions {
  /**
   * Normal rows that are not trained on, for `threshold`, `quantile` and `pValue`: rows, or the share of the training rows
   * (such as 0.2) that is set aside for it. A detector of an energy that is trained already takes rows only.
   */
  heldOut?: OodRows | number
  /**
   * Standardise the columns by mean and standard deviation of the training rows, here and whenever rows are scored. Default:
   * true for energyLadder, denoisingScore and ensemble, which count in standard deviations; false for the others.
   */
  standardize?: boolean
  /**
   * What the columns of a data set are, from `data.schema`, where some are no numbers: rows are encoded by it, here and whenever rows are
   * scored, and the file keeps it. In place of `standardize`; numbers should have the transform 'standardize' in it.
   */
  schema?: Schema
  /**
   * The false-alarm rate that `decide` uses unless it is told another; goes into the file. Needs held-out rows, 1 / fpr - 1 at
   * least.
   */
  fpr?: number
  /**
   * How many of the training rows (of the held-out rows where there are none) are kept, for `explain`, `contributions` and
   * `drift`; the file holds them too. Default 1024; 0 keeps none.
   */
  reference?: number
  /** Fixes what is random: which rows are held out or kept, and the training of a ladder. Default 0. */
  seed?: number
  /** Share of the training of a ladder that is done, 0 to 1. */
  onProgress?: (done: number) => void
  /** Called with each warning of the training of a ladder. */
  onWarning?: (warning: TrainWarning) => void
}

function invalid(problem: string): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `ood.fit: ${problem}`)
}

function partsOf(value: Detector): Parts {
  if (typeof value !== 'object' || value === null || !kindsOf('detector').includes(value.kind)) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `ood: detector: give a value of detectors.*; known: ${kindsOf('detector').join(', ')}`,
    )
  }
  return value
}

/** Kinds that train energies themselves, on columns of one scale. */
const STANDARDIZED = new Set(['energyLadder', 'denoisingScore', 'ensemble'])

/** Kinds of an energy that take something from training rows, too. */
const OF_FEATURES = new Set(['react', 'vim', 'fdbd', 'relativeMahalanobis'])
/** Kinds that take something from training rows. */
const trains = ({ kind, model }: Parts) => model === undefined || OF_FEATURES.has(kind)

/** Rows that are trained on and rows set aside, in the units of the data. */
interface Rows {
  train: OodRows | undefined
  heldOut: OodRows | undefined
}

function cut(rows: Tensor, share: number, seed: number, made: Made): Rows {
  if (!(share > 0 && share < 1)) invalid(`heldOut: a share lies between 0 and 1, got ${share}`)
  const n = rows.shape[0] ?? 0
  const aside = Math.round(share * n)
  if (aside < 1 || n - aside < 2) invalid(`heldOut: a share of ${share} of ${n} rows leaves too few on one side`)
  const parts = invokeNow<Tensor[]>('data.split', { n, sizes: [n - aside, aside], seed })
  const [train, heldOut] = parts.map((part) => made.keep(rows.index(part)))
  for (const part of parts) part.dispose()
  return { train, heldOut }
}

function rowsOf(parts: Parts, given: OodRows | undefined, { heldOut, seed = 0 }: FitOptions, made: Made): Rows {
  if (given === undefined) {
    if (trains(parts)) invalid(`rows: a ${parts.kind} detector is fitted to training rows; give them`)
    if (typeof heldOut === 'number') invalid('heldOut: a share is cut from training rows; there are none: give rows')
    return { train: undefined, heldOut }
  }
  if (typeof heldOut !== 'number') return { train: given, heldOut }
  if (modelsIn(parts).length > 0) {
    invalid(
      `heldOut: the energy of a ${parts.kind} detector is trained already, maybe on these rows; give rows it has not seen`,
    )
  }
  return cut(made.rows(given, 'rows'), heldOut, seed, made)
}

/** Columns and scale: those of the models, where they have inputs, else of the training rows. */
function conversionFor(
  parts: Parts,
  given: OodRows | undefined,
  train: OodRows | undefined,
  standardize: boolean,
  made: Made,
): InputRows | undefined {
  const ofModels = conversionOf(parts)
  if (standardize && ofModels?.transforms) invalid('standardize: the model standardises its rows itself (its inputs)')
  if (ofModels !== undefined) return ofModels
  if (given === undefined || train === undefined) {
    if (standardize) invalid('standardize: needs the training rows; give them')
    return undefined
  }
  return inputsOf(given, made.rows(train, 'rows'), standardize)
}

/** Rows of a table that a schema describes. */
function tableOf(parts: Parts, rows: OodRows | undefined, schema: Schema, standardize: boolean) {
  if (!(rows instanceof Dataset)) return invalid('schema: describes the columns of a data set; give one as rows')
  if (standardize) invalid('standardize: is said by the schema, column by column')
  if (conversionOf(parts) !== undefined) invalid('schema: the model has inputs of its own')
  return { rows, inputs: new InputRows(inputsBy(rows, { schema })) }
}

/** A copy of an energy, also of one in training: what is fitted to it must not move when the other trains on. */
async function copyOf(model: Energy, own: Energy[], signal: AbortSignal | undefined): Promise<Energy> {
  // A network that is no energy is refused by the core.
  if (!(model instanceof Energy)) return model
  const copy = await model.snapshot(signal === undefined ? {} : { signal })
  own.push(copy)
  return copy
}

/** The energies a detector asks: a ladder's are trained here; others are copied, or borrowed where that is enough. */
async function modelsOf(
  parts: Parts,
  rows: Tensor | undefined,
  own: Energy[],
  borrow: boolean,
  plan: EnsemblePlan | undefined,
  { seed = 0, signal, threads, onProgress, onWarning }: FitOptions,
): Promise<Pick<Asked, 'model' | 'models'>> {
  const how = { seed, signal, threads, onProgress, onWarning }
  if (plan !== undefined) await trainMembers(plan, own, how)
  else if (parts.kind === 'energyLadder') own.push(...(await trainLadder(rows!, parts as Ladder, how)))
  else if (parts.kind === 'denoisingScore') own.push(await trainScore(rows!, parts as DenoisingScore, how))
  if (STANDARDIZED.has(parts.kind)) return { models: own }
  const one = async (model: Energy) => (borrow ? model : copyOf(model, own, signal))
  if (parts.model !== undefined) return { model: await one(parts.model) }
  if (parts.models === undefined) return {}
  const models: Energy[] = []
  for (const model of parts.models) models.push(await one(model))
  return { models }
}

interface Fitting extends FitOptions {
  /** Ask the caller's own energies: for a fit that does not outlive the call. */
  borrow?: boolean
}

/** A fit, the rows it was made of in the units of the models, and the rows that were set aside. */
interface Fitted {
  fit: Fit
  train: Tensor | undefined
  heldOut: OodRows | undefined
  /** What `train` and `heldOut` are made of. */
  made: Made
}

/** Fits a detector. */
export async function fitDetector(detector: Detector, rows: OodRows | undefined, options: Fitting): Promise<Fitted> {
  const parts = partsOf(detector)
  if (rows !== undefined && parts.rows !== undefined) {
    invalid('rows: the detector holds its training rows already; give them in one of the two places')
  }
  const { borrow = false, signal, threads, schema } = options
  const standardize = options.standardize ?? (schema === undefined && STANDARDIZED.has(parts.kind))
  const made = new Made()
  const table = schema === undefined ? undefined : tableOf(parts, rows ?? parts.rows, schema, standardize)
  const own: Energy[] = []
  let plan: EnsemblePlan | undefined
  try {
    const given = table === undefined ? (rows ?? parts.rows) : made.read(table.rows, 'rows', table.inputs)
    const { train, heldOut } = rowsOf(parts, given, options, made)
    const inputs = table?.inputs ?? conversionFor(parts, given, train, standardize, made)
    const scaled = train === undefined || (borrow && !trains(parts)) ? undefined : made.read(train, 'rows', inputs)
    const trained = trains(parts) ? scaled : undefined
    const { rows: _, ...rest } = parts
    if (parts.kind === 'ensemble') plan = planEnsemble(trained!, parts as Ensemble, options.seed ?? 0)
    const models = await modelsOf(parts, trained, own, borrow, plan, options)
    const asked = { ...rest, ...(plan !== undefined && { members: plan.members }), ...models }
    const core = coreOf(asked)
    const state = await invoke<Record<string, Tensor>>(
      'ood.fit',
      {
        detector: {
          ...core,
          ...(plan !== undefined ? { sets: plan.sets } : trained !== undefined && { rows: trained }),
        },
        ...(threads !== undefined && { threads }),
      },
      { signal },
    )
    return { fit: { detector: asked, core, state, inputs, own }, train: scaled, heldOut, made }
  } catch (error) {
    made.dispose()
    disposeFit({ state: {}, own })
    throw error
  } finally {
    plan?.dispose()
  }
}

/**
 * Fits a detector to training rows, once: `fitted.scores(x)` then costs what a look at `x` costs. Rows may be a data set,
 * whose column names are kept; they may also be in the detector, and a detector of an energy needs none.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _SHAPE, _NON_FINITE (row and column), _DIVERGED (a ladder), `signal.reason`
 */
export async function fit(detector: Detector, rows?: OodRows, options: FitOptions = {}): Promise<FittedDetector> {
  const {
    fpr,
    reference: count = REFERENCE_ROWS,
    ...fitting
  } = requireOptions('ood.fit', options, [
    'heldOut',
    'standardize',
    'schema',
    'fpr',
    'reference',
    'seed',
    'onProgress',
    'onWarning',
    'threads',
    'signal',
  ])
  if (!(Number.isInteger(count) && count >= 0)) invalid(`reference: a whole number of rows of at least 0, got ${count}`)
  const { fit: found, train, heldOut, made } = await fitDetector(detector, rows, fitting)
  let fitted: FittedDetector | undefined
  try {
    if (fpr !== undefined && heldOut === undefined) invalid('fpr: is read from held-out rows; give heldOut')
    const source = train ?? (heldOut === undefined ? undefined : made.read(heldOut, 'heldOut', found.inputs))
    const reference = source && referenceOf(source, count, fitting.seed ?? 0)
    fitted = new FittedDetector(found, { reference })
    const { threads, signal } = fitting
    const job = { ...(threads !== undefined && { threads }), ...(signal !== undefined && { signal }) }
    if (heldOut !== undefined) await fitted.calibrate(heldOut, { ...job, ...(fpr !== undefined && { fpr }) })
    return fitted
  } catch (error) {
    if (fitted === undefined) disposeFit(found)
    else fitted.dispose()
    throw error
  } finally {
    made.dispose()
  }
}

/**
 * Reads a fitted detector from a file that `FittedDetector.save` or `langevin anomaly fit` wrote.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file, or of a newer version), _DEVICE
 */
export async function load(path: string, options: LoadDetectorOptions = {}): Promise<FittedDetector> {
  const known = requireOptions('ood.load', options, ['device', 'signal'])
  const { fit: found, ...parts } = await readDetector(path, known)
  return new FittedDetector(found, parts)
}
