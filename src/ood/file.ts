/** Fitted detectors as safetensors files: what `FittedDetector.save` writes and `ood.load` reads. */
import { InputRows } from '../data/input-rows.js'
import { checkInputs, type Inputs } from '../data/inputs.js'
import { Energy } from '../energy.js'
import { LangevinError, shown } from '../errors.js'
import { formatError } from '../io/files.js'
import { safetensors } from '../io/index.js'
import type { Dtype } from '../native/contract.js'
import { invoke } from '../runtime/index.js'
import { kindsOf, parseSpec, type SpecValue } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import { requireOwnWeights } from '../weights.js'
import { Calibration } from './calibration.js'
import type { Asked, Fit, FittedParts } from './parts.js'
import { conversionOf, coreOf } from './units.js'

/** Raised when a reader of today could not read a file of tomorrow. */
const VERSION = 1
const DETECTOR_KEY = 'langevin.detector'
const FAMILY_KEY = 'langevin.family'
const SPEC_KEY = 'langevin.spec'

/** What the metadata says beside the tensors, as JSON. */
interface Described {
  version: number
  /** Kind and options; energies by their number in `models`. */
  detector: { kind: string; model?: number; models?: number[]; [option: string]: unknown }
  models: { spec: SpecValue; dtype: Dtype; inputs?: Inputs }[]
  /** Columns and scale, where they are not those of the models. */
  inputs?: Inputs
  /** The false-alarm rate the detector was made for. */
  fpr?: number
}

/** What a file holds beside the fit. */
export interface FileParts {
  /** Scores of the held-out rows, ascending. */
  heldOut: Tensor | undefined
  reference: Tensor | undefined
  fpr: number | undefined
}

/** Kinds whose energies the fit trains. */
const SELF_TRAINED = new Set(['energyLadder', 'denoisingScore', 'ensemble'])
/** The index of nearest neighbours follows from the rows: a file holds these only, and `load` prepares it again. */
const FROM_ROWS = new Set(['knn', 'diffusionTime', 'lof'])
const keptNames = (kind: string, state: Fit['state']) => (FROM_ROWS.has(kind) ? ['rows'] : Object.keys(state))

function describe({ detector, inputs }: Fit, fpr: number | undefined): { described: Described; models: Energy[] } {
  const models: Energy[] = []
  const numberOf = (model: Energy) => models.push(model) - 1
  const {
    model,
    models: several,
    ...options
  } = detector as Described['detector'] & {
    model?: Energy
    models?: Energy[]
  }
  const described: Described = {
    version: VERSION,
    detector: {
      ...options,
      ...(model !== undefined && { model: numberOf(model) }),
      ...(several !== undefined && { models: several.map(numberOf) }),
    },
    models: models.map(({ spec, dtype, inputs: own }) => {
      requireOwnWeights(spec)
      return { spec, dtype, ...(own !== undefined && { inputs: own }) }
    }),
    ...(inputs !== undefined && conversionOf(detector) === undefined && { inputs: inputs.inputs }),
    ...(fpr !== undefined && { fpr }),
  }
  return { described, models }
}

export async function writeDetector(
  path: string,
  fit: Fit,
  { heldOut, reference, fpr }: FileParts,
  { signal }: { signal?: AbortSignal },
): Promise<void> {
  const { described, models } = describe(fit, fpr)
  const tensors: Record<string, Tensor> = {}
  const made: Tensor[] = []
  try {
    for (const [k, model] of models.entries()) {
      for (const [name, value] of Object.entries(await model.parameters({ signal }))) {
        tensors[`models.${k}.${name}`] = value
        made.push(value)
      }
    }
    for (const name of keptNames(fit.detector.kind, fit.state)) tensors[`state.${name}`] = fit.state[name]!
    if (heldOut !== undefined) tensors['heldOut.scores'] = heldOut
    if (reference !== undefined) tensors['reference.rows'] = reference
    const metadata = { [FAMILY_KEY]: 'detector', [DETECTOR_KEY]: JSON.stringify(described) }
    await safetensors.write(path, tensors, metadata)
  } finally {
    for (const each of made) each.dispose()
  }
}

function describedIn(path: string, metadata: Record<string, string>): Described {
  const text = metadata[DETECTOR_KEY]
  if (text === undefined) {
    const held = metadata[SPEC_KEY] === undefined ? 'no detector' : `a model (${metadata[FAMILY_KEY] ?? 'energy'})`
    throw formatError(
      path,
      undefined,
      `the file holds ${held}; ood.load reads what a fitted detector's save() or 'langevin anomaly fit' wrote`,
    )
  }
  let described: Described
  try {
    described = JSON.parse(text)
  } catch (cause) {
    throw formatError(path, undefined, `'${DETECTOR_KEY}' in its metadata is not JSON`, cause)
  }
  const { version, detector, models, fpr } = described ?? {}
  if (version !== VERSION) {
    const newer = typeof version === 'number' && version > VERSION
    throw formatError(
      path,
      undefined,
      `a detector file of version ${shown(version)}, this langevin reads version ${VERSION}${newer ? '; a newer langevin wrote it: update this one' : ''}`,
    )
  }
  if (!kindsOf('detector').includes(detector?.kind) || !Array.isArray(models)) {
    throw formatError(
      path,
      undefined,
      `its metadata describes no detector that this langevin knows ('${shown(detector?.kind)}')`,
    )
  }
  if (fpr !== undefined && !(typeof fpr === 'number' && fpr > 0 && fpr < 1)) {
    throw formatError(
      path,
      undefined,
      `its metadata gives ${shown(fpr)} as false-alarm rate, not a number between 0 and 1`,
    )
  }
  return described
}

/** Tensors whose names begin with a prefix, without it. */
function under(tensors: Record<string, Tensor>, prefix: string): Record<string, Tensor> {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]))
}

export interface LoadDetectorOptions {
  /** Where its energies live: 'cpu' (default), 'cuda', 'cuda:N', or 'auto'. */
  device?: string
  signal?: AbortSignal
}

/** The detector as the core takes it: energies in place of their numbers, options checked. */
function detectorOf({ detector }: Described, own: readonly Energy[]): Asked {
  const { model, models, ...options } = detector
  const energyAt = (k: number) => {
    const found = own[k]
    if (found === undefined) throw new Error(`there is no energy ${k}`)
    return found
  }
  const single = model === undefined ? {} : { model: energyAt(model) }
  const several = models === undefined ? {} : { models: models.map(energyAt) }
  // These have their energies from training, not from their options.
  const { rows: _, ...parsed } = parseSpec('detector', {
    ...options,
    ...single,
    ...(SELF_TRAINED.has(options.kind) ? {} : several),
  })
  return { ...parsed, ...several }
}

async function modelsOf(
  { models }: Described,
  tensors: Record<string, Tensor>,
  own: Energy[],
  { device, signal }: LoadDetectorOptions,
): Promise<void> {
  for (const [k, { spec, dtype, inputs }] of models.entries()) {
    const values = under(tensors, `models.${k}.`)
    const numbers = Object.values(values).reduce((sum, { size }) => sum + size, 0)
    const placed = {
      dtype,
      inputs: inputs === undefined ? undefined : checkInputs(inputs),
      signal,
      ...(device !== undefined && { device }),
    }
    const model = await Energy.described(spec, placed, numbers)
    own.push(model)
    const network = model.native()
    await invoke('network.setParameters', { network, values, complete: true }, { signal })
  }
}

/**
 * What a file holds.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (no detector, a newer version, parts that do not fit each other)
 */
export async function readDetector(path: string, options: LoadDetectorOptions): Promise<{ fit: Fit } & FittedParts> {
  const { tensors, metadata } = await safetensors.read(path)
  const own: Energy[] = []
  const kept = new Set<Tensor>()
  try {
    const described = describedIn(path, metadata)
    await modelsOf(described, tensors, own, options)
    const detector = detectorOf(described, own)
    let state = under(tensors, 'state.')
    if (FROM_ROWS.has(detector.kind)) {
      state = await invoke<Record<string, Tensor>>(
        'ood.fit',
        { detector: { ...coreOf(detector), rows: state.rows } },
        { signal: options.signal },
      )
    } else for (const each of Object.values(state)) kept.add(each)
    const { inputs } = described
    const conversion = inputs === undefined ? conversionOf(detector) : new InputRows(checkInputs(inputs))
    const scores = tensors['heldOut.scores']?.toTypedArray() as Float64Array | undefined
    const reference = tensors['reference.rows']
    if (reference !== undefined) kept.add(reference)
    return {
      fit: { detector, core: coreOf(detector), state, inputs: conversion, own },
      calibration: scores && new Calibration(scores),
      reference,
      fpr: described.fpr,
    }
  } catch (error) {
    for (const each of [...own, ...kept]) each.dispose()
    kept.clear()
    if (options.signal?.aborted) throw error
    if (error instanceof LangevinError && ['ERR_LANGEVIN_FORMAT', 'ERR_LANGEVIN_DEVICE'].includes(error.code))
      throw error
    throw formatError(
      path,
      undefined,
      `the parts of the detector do not fit each other: ${(error as Error).message}`,
      error,
    )
  } finally {
    for (const each of Object.values(tensors)) if (!kept.has(each)) each.dispose()
  }
}
