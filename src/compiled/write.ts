/** Writes scorer files: compiled energies with their weights, and what a detector makes of them. */
import type { Inputs } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { writeSafetensors } from '../io/safetensors.js'
import type { NativeNetwork, ParameterInfo } from '../native/contract.js'
import { native } from '../native/load.js'
import { type InvokeOptions, invoke, invokeNow } from '../runtime/index.js'
import { type Tensor, tensor } from '../tensor/index.js'
import {
  type CompiledDetector,
  type CompiledEnergy,
  type CompiledFile,
  type CompiledInputs,
  type CompiledProgram,
  constantName,
  FAMILY_KEY,
  HELD_OUT,
  parameterName,
  SCORER_KEY,
  SCORER_VERSION,
} from './format.js'

/** An energy as it is written: its native object, in the units of the network. */
export interface Exported {
  readonly kind: string
  readonly network: NativeNetwork
}

export interface ScorerParts {
  readonly models: readonly Exported[]
  readonly inputs?: Inputs | undefined
  readonly detector?: CompiledDetector
  /** Scores of held-out rows, ascending. */
  readonly heldOut?: Float64Array | undefined
}

/**
 * Programs with numbers that JSON has no word for are refused as well as those that the kernels do not cover.
 *
 * @throws ERR_LANGEVIN_UNSUPPORTED with the reason
 */
function programOf({ kind, network }: Exported): { program: CompiledProgram; constants: Tensor[] } {
  const { constants, refusal, ...program } = invokeNow<CompiledProgram & { constants: Tensor[]; refusal: string }>(
    'network.plainProgram',
    { network },
  )
  const odd = program.nodes.find(({ numbers }) => !numbers.every(Number.isFinite))
  const reason = refusal || (odd && `its operation '${odd.op}' has a number that is not finite`)
  if (!reason) return { program, constants }
  for (const each of constants) each.dispose()
  throw new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `exportScorer: the scorer cannot run this ${kind} energy: ${reason}; serve it with the whole package`,
    { details: { kind, reason } },
  )
}

function inputsOf({ columns, widths, transform, schema }: Inputs): CompiledInputs {
  if (schema !== undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'exportScorer: the model takes rows of a table by its schema, which the scorer does not know; serve it with the whole package, or export an energy without inputs and encode rows with data.encode',
    )
  }
  return { columns, ...(widths && { widths }), ...(transform && { transform }) }
}

/**
 * Writes one safetensors file, whole or not at all.
 *
 * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED (no form in the fused kernels of the CPU), _BUSY, _IO
 */
export async function writeScorer(
  path: string,
  { models, inputs, detector, heldOut }: ScorerParts,
  { signal }: InvokeOptions = {},
): Promise<void> {
  const tensors: Record<string, Tensor> = {}
  const described: CompiledEnergy[] = []
  try {
    for (const [k, model] of models.entries()) {
      const { program, constants } = programOf(model)
      for (const [i, constant] of constants.entries()) tensors[constantName(k, i)] = constant
      const { kind, network } = model
      const names = invokeNow<ParameterInfo[]>('network.parameterInfo', { network }).map(({ name }) => name)
      const values = await invoke<Record<string, Tensor>>('network.parameters', { network }, { signal })
      for (const name of names) tensors[parameterName(k, name)] = values[name]!
      const dtype = network.dtype as CompiledEnergy['dtype']
      described.push({ kind, dtype, program, parameters: names, constants: constants.length })
    }
    if (heldOut !== undefined) tensors[HELD_OUT] = tensor(heldOut, undefined, 'float64')
    const file: CompiledFile = {
      version: SCORER_VERSION,
      langevin: native().build.version,
      models: described,
      ...(inputs && { inputs: inputsOf(inputs) }),
      ...(detector && { detector }),
    }
    await writeSafetensors(path, tensors, { [FAMILY_KEY]: 'scorer', [SCORER_KEY]: JSON.stringify(file) })
  } finally {
    for (const each of Object.values(tensors)) each.dispose()
  }
}
