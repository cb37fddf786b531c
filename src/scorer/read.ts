/** A scorer file as the parts of a scorer: everything that comes from it is checked before it is used. */
import {
  type CompiledDetector,
  type CompiledEnergy,
  type CompiledFile,
  type CompiledInputs,
  constantName,
  FAMILY_KEY,
  HELD_OUT,
  parameterName,
  SCORER_KEY,
  SCORER_VERSION,
} from '../compiled/format.js'
import { shown } from '../errors.js'
import { formatError } from '../io/format-error.js'
import type { SafetensorsFile, StoredTensor } from '../io/safetensors-format.js'
import type { LoadedProgram, Numbers } from './engine.js'

/** What a file holds, its numbers in the arrays that the addon takes. */
export interface ScorerFile {
  readonly langevin: string
  readonly models: readonly { readonly kind: string; readonly program: LoadedProgram }[]
  readonly inputs: CompiledInputs | undefined
  readonly detector: CompiledDetector | undefined
  readonly heldOut: Float64Array | undefined
}

type Fail = (problem: string) => never

const BYTES = { float32: 4, float64: 8 } as const

/** The numbers of a tensor; those that do not lie as their type wants are copied. */
function numbersOf({ dtype, data }: StoredTensor): Numbers {
  const { length } = data
  const bytes = data.byteOffset % 8 === 0 ? data : data.slice()
  return dtype === 'float32'
    ? new Float32Array(bytes.buffer, bytes.byteOffset, length / BYTES.float32)
    : new Float64Array(bytes.buffer, bytes.byteOffset, length / BYTES.float64)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
const isNumbers = (value: unknown, length: number): value is number[] =>
  Array.isArray(value) && value.length === length && value.every((item) => Number.isFinite(item))

function described(path: string, metadata: Record<string, string>, fail: Fail): CompiledFile {
  const text = metadata[SCORER_KEY]
  if (text === undefined) {
    const held = metadata[FAMILY_KEY] ?? (metadata['langevin.spec'] === undefined ? undefined : 'energy')
    fail(
      `it is no scorer file${held === undefined ? '' : ` (its family is '${held}')`}; model.exportScorer(path) writes one`,
    )
  }
  let file: unknown
  try {
    file = JSON.parse(text!)
  } catch (cause) {
    throw formatError(path, undefined, `'${SCORER_KEY}' in its metadata is not JSON`, cause)
  }
  if (!isObject(file)) fail(`'${SCORER_KEY}' in its metadata is no object`)
  const { version, models } = file as unknown as CompiledFile
  if (version !== SCORER_VERSION) {
    const newer = typeof version === 'number' && version > SCORER_VERSION
    fail(
      `it has version ${JSON.stringify(version)} of scorer files, this langevin reads ${SCORER_VERSION}${newer ? ': update langevin' : ''}`,
    )
  }
  if (!Array.isArray(models) || models.length === 0 || !models.every(isObject)) fail('it lists no energies')
  return file as unknown as CompiledFile
}

function programOf(model: CompiledEnergy, k: number, { tensors }: SafetensorsFile, fail: Fail): LoadedProgram {
  const { dtype, program, parameters, constants } = model
  if (dtype !== 'float32' && dtype !== 'float64') fail(`energy ${k} has the dtype ${JSON.stringify(dtype)}`)
  if (!isObject(program)) fail(`energy ${k} has no program`)
  // The addon looks at the rest of the program; these are computed with before.
  const sizes: readonly unknown[] = [program.inputWidth, program.conditionWidth, program.classes]
  if (!sizes.every(Number.isSafeInteger)) fail(`energy ${k}: the program gives no possible widths of its rows`)
  if (!isTexts(parameters)) fail(`energy ${k} does not name its parameters`)
  const count = Object.keys(tensors).length
  if (!(Number.isInteger(constants) && constants >= 0 && constants <= count))
    fail(`energy ${k} miscounts its constants`)
  const tensor = (name: string, wanted: string): Numbers => {
    const found = tensors[name]
    if (found === undefined) return fail(`tensor '${name}' is missing`)
    if (found.dtype !== wanted) return fail(`tensor '${name}' is ${found.dtype}, not ${wanted}`)
    return numbersOf(found)
  }
  return {
    ...program,
    wide: dtype === 'float64',
    parameters: parameters.map((name) => tensor(parameterName(k, name), dtype)),
    constants: Array.from({ length: constants }, (_, i) => tensor(constantName(k, i), 'float64') as Float64Array),
  }
}

function checkedInputs(inputs: CompiledInputs | undefined, width: number, fail: Fail): CompiledInputs | undefined {
  if (inputs === undefined) return undefined
  if (!isObject(inputs) || !isTexts(inputs.columns) || new Set(inputs.columns).size !== inputs.columns.length)
    fail('its inputs name no columns')
  const { columns, widths, transform } = inputs
  const each = widths ?? columns.map(() => 1)
  if (!isNumbers(each, columns.length) || !each.every((w) => Number.isInteger(w) && w > 0))
    fail('its inputs have no possible widths')
  if (each.reduce((n, w) => n + w, 0) !== width) fail(`its inputs do not have the ${width} numbers of a row`)
  if (transform === undefined) return inputs
  const { kind, mean, scale } = isObject(transform) ? transform : ({} as NonNullable<CompiledInputs['transform']>)
  if (kind !== 'standardize' || !isNumbers(mean, width) || !isNumbers(scale, width) || !scale.every((s) => s > 0))
    fail(`the transform of its inputs is not mean and scale of ${width} numbers`)
  return inputs
}

function checkedDetector(detector: CompiledDetector | undefined, models: number, fail: Fail) {
  if (detector === undefined) {
    if (models !== 1) fail(`it holds ${models} energies and no detector`)
    return undefined
  }
  const { kind, mean, deviation, shift, fpr } = isObject(detector) ? detector : ({} as CompiledDetector)
  const fits = typeof kind === 'string' && isNumbers(mean, models) && isNumbers(deviation, models)
  if (!fits || !deviation.every((d) => d > 0) || !Number.isFinite(shift))
    fail('it describes no detector of its energies')
  if (fpr !== undefined && !(typeof fpr === 'number' && fpr > 0 && fpr < 1))
    fail(`it gives ${JSON.stringify(fpr)} as false-alarm rate, not a number between 0 and 1`)
  return detector
}

function heldOutOf({ tensors }: SafetensorsFile, fail: Fail): Float64Array | undefined {
  const found = tensors[HELD_OUT]
  if (found === undefined) return undefined
  if (found.dtype !== 'float64') fail(`tensor '${HELD_OUT}' is ${found.dtype}, not float64`)
  const scores = numbersOf(found) as Float64Array
  for (let i = 0; i < scores.length; i++)
    if (!(i === 0 ? !Number.isNaN(scores[0]) : scores[i - 1]! <= scores[i]!)) fail('its held-out scores do not ascend')
  return scores
}

/**
 * @param path how the file is called in errors
 * @throws ERR_LANGEVIN_FORMAT
 */
export function scorerFileOf(path: string, stored: SafetensorsFile): ScorerFile {
  const fail: Fail = (problem) => {
    throw formatError(path, undefined, problem)
  }
  const file = described(path, stored.metadata, fail)
  const models = file.models.map((model, k) => ({
    kind: typeof model.kind === 'string' ? model.kind : 'unknown',
    program: programOf(model, k, stored, fail),
  }))
  const { inputWidth, conditionWidth, classes, optionalCondition } = models[0]!.program
  if (!models.every(({ program }) => program.inputWidth === inputWidth)) fail('its energies take rows of unlike widths')
  if (!models.every(({ program }) => program.wide === models[0]!.program.wide)) fail('its energies have unlike dtypes')
  const detector = checkedDetector(file.detector, models.length, fail)
  if (detector && (conditionWidth > 0 || (classes > 0 && !optionalCondition))) fail('its detector needs a condition y')
  return {
    langevin: shown(file.langevin),
    models,
    inputs: checkedInputs(file.inputs, inputWidth, fail),
    detector,
    heldOut: heldOutOf(stored, fail),
  }
}
