/** Files of other libraries: ONNX and TorchScript. */
import { InputRows } from '../data/input-rows.js'
import type { Inputs } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { writeAtomic } from '../io/files.js'
import type { Dtype, NativeNetwork } from '../native/contract.js'
import { type InvokeOptions, invoke } from '../runtime/index.js'
import { requireOptions, type SpecValue } from '../spec/index.js'
import { versions } from '../system.js'
import type { Tensor } from '../tensor/index.js'
import { type Standardisation, withProgram } from './program.js'
import { scriptOf } from './torchscript/source.js'

export { copyTorchScript, type FromTorchScriptOptions, readTorchScript } from './torchscript/read.js'

/** Options of `exportOnnx`. */
export interface OnnxOptions extends InvokeOptions {
  /** The opset of the file's operations, 17 (default) to 21. */
  opset?: number
  /** true: the model has an output `score`, -dE/dx of every row. Default false. */
  score?: boolean
  /** Of a classifier: true for E(x, y) with an input y, in place of E(x). Energies that cannot do without y always have it. */
  y?: boolean
  /**
   * Of a model with `inputs`: true (default) for rows in the units of the data, which the file then standardises as the model
   * does; false for rows that are standardised already.
   */
  transform?: boolean
}

/** Options of `exportTorchScript`. */
export interface TorchScriptOptions extends InvokeOptions {
  /** As of `exportOnnx`: true (default) for rows in the units of the data. */
  transform?: boolean
}

/** What an export asks of an energy or network. */
export interface Exported {
  readonly spec: SpecValue
  readonly family: 'energy' | 'network'
  readonly dtype: Dtype
  readonly inputs: Inputs | undefined
  native(): NativeNetwork
}

function invalid(owner: string, path: string, problem: string): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${owner}: ${path}: ${problem}`, { details: { path } })
}

function requireFlags(owner: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [path, value] of Object.entries(flags))
    if (typeof value !== 'boolean') invalid(owner, path, 'must be true or false')
}

/** Files of other libraries hold float32 and float64. */
function requireWide({ dtype, spec, family }: Exported, format: string): 'float32' | 'float64' {
  if (dtype === 'float32' || dtype === 'float64') return dtype
  throw new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `this ${spec.kind} ${family} is ${dtype}, and ${format} files are written in float32 and float64; load it with { dtype: 'float32' } and export that`,
    { details: { dtype } },
  )
}

/** The affine map of its inputs where it has one and the file is to have it. */
function standardisationOf({ inputs }: Exported, transform: boolean): Standardisation | undefined {
  if (inputs === undefined || !transform) return undefined
  if (inputs.schema !== undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'the model takes rows of a table by its schema, which files of other libraries cannot hold; with { transform: false } the file takes rows as data.encode makes them',
    )
  }
  const rows = new InputRows(inputs)
  return rows.transforms ? rows : undefined
}

/** @internal Writes a network as an ONNX model; see `Network.exportOnnx`. */
export async function exportOnnx(network: Exported, path: string, options: OnnxOptions): Promise<void> {
  const known = ['opset', 'score', 'y', 'transform', 'signal'] as const satisfies readonly (keyof OnnxOptions)[]
  const given = requireOptions('exportOnnx', options, known)
  // Only who exports pays for loading the encoder.
  const { DEFAULT_OPSET, OPSETS, onnxModel } = await import('./onnx/export.js')
  const { opset = DEFAULT_OPSET, score = false, y = false, transform = true, signal } = given
  if (!OPSETS.includes(opset)) invalid('exportOnnx', 'opset', `${opset} is not one of ${OPSETS.join(', ')}`)
  requireFlags('exportOnnx', { score, y, transform })
  if (score && network.family === 'network')
    invalid('exportOnnx', 'score', 'is of energies; this is a network without one')
  const dtype = requireWide(network, 'ONNX')
  const bytes = await withProgram(network.native(), { signal }, async (weighted) => {
    if (y && weighted.program.condition.kind === 'none')
      invalid('exportOnnx', 'y', `a ${weighted.program.kind} ${network.family} has no condition y`)
    return onnxModel(weighted, {
      family: network.family,
      dtype,
      opset,
      score,
      joint: y,
      standardise: standardisationOf(network, transform),
      inputs: network.inputs,
      spec: network.spec,
      version: versions().langevin,
    })
  })
  await writeAtomic(path, [bytes])
}

/** @internal Writes a network as a TorchScript module; see `Network.exportTorchScript`. */
export async function exportTorchScript(network: Exported, path: string, options: TorchScriptOptions): Promise<void> {
  const known = ['transform', 'signal'] as const satisfies readonly (keyof TorchScriptOptions)[]
  const { transform = true, signal } = requireOptions('exportTorchScript', options, known)
  requireFlags('exportTorchScript', { transform })
  const dtype = requireWide(network, 'TorchScript')
  const file = await withProgram(network.native(), { signal }, async ({ program }) => {
    const { methods, constants } = scriptOf(program, dtype, standardisationOf(network, transform))
    try {
      const args = { network: network.native(), methods, constants }
      return await invoke<Tensor>('torchScript.write', args, { signal })
    } finally {
      for (const each of Object.values(constants)) each.dispose()
    }
  })
  try {
    await writeAtomic(path, [file.toTypedArray() as Uint8Array])
  } finally {
    file.dispose()
  }
}
