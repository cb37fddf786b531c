/** What the file of a network says, and the weights it holds, its own or those of a PyTorch module. */
import { checkInputs, type Inputs } from './data/inputs.js'
import { LangevinError } from './errors.js'
import { formatError } from './io/files.js'
import { OpenSafetensors } from './io/safetensors.js'
import { tensorsIn } from './io/tensors.js'
import type { Dtype } from './native/contract.js'
import { parseSpec, type SpecValue } from './spec/index.js'
import type { Tensor } from './tensor/index.js'
import './energies/index.js'
import './networks/index.js'

/** Tensors of a checkpoint that are not parameters (optimiser, buffer) have names with this prefix; load() skips them. */
export const STATE_PREFIX = 'langevin:'
const SPEC_KEY = 'langevin.spec'
const FAMILY_KEY = 'langevin.family'
const DTYPE_KEY = 'langevin.dtype'
const INPUTS_KEY = 'langevin.inputs'
const FLOATS: ReadonlySet<string> = new Set(['float32', 'float64', 'bfloat16'])
const STORED_FLOATS: ReadonlySet<string> = new Set([...FLOATS, 'float16'])

/** Which specs describe it: `networks.*`, or `energies.*`. */
export type Family = 'network' | 'energy'
/** The same of a file: of nodes of graphs, too. */
export type StoredFamily = Family | 'nodeNetwork'
/** What reads a file, by the family of its spec. */
const READERS: Readonly<Record<string, string>> = {
  network: 'Network.load',
  energy: 'Energy.load',
  nodeNetwork: 'graph.NodeClassifier.load',
}

/** What a network is made of, beside its parameters. */
export interface Described {
  readonly spec: SpecValue
  readonly family: StoredFamily
  readonly dtype: Dtype
  readonly inputs: Inputs | undefined
}

/** The kind of an energy whose code and weights are in a TorchScript file: no spec makes one, so that no file can run one. */
export const SCRIPT_KIND = 'torchScript'

/** @throws ERR_LANGEVIN_UNSUPPORTED where code and weights are in a file of their own, and nothing here can write them */
export function requireOwnWeights(spec: SpecValue): void {
  if (spec.kind !== SCRIPT_KIND) return
  throw new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `the code and weights of this energy are in ${spec.path}, and no file of langevin's holds them; keep that file, and load it with Energy.fromTorchScript where the energy is needed`,
    { details: { path: spec.path } },
  )
}

/** What a file needs besides the parameters so that load() can rebuild the energy or network. */
export function networkMetadata({ spec, family, dtype, inputs }: Described): Record<string, string> {
  requireOwnWeights(spec)
  const metadata: Record<string, string> = { [SPEC_KEY]: JSON.stringify(spec), [DTYPE_KEY]: dtype }
  if (family !== 'energy') metadata[FAMILY_KEY] = family
  if (inputs !== undefined) metadata[INPUTS_KEY] = JSON.stringify(inputs)
  return metadata
}

/** What a caller says in place of the file. */
export interface Given {
  readonly spec?: SpecValue | undefined
  readonly dtype?: Dtype | undefined
  readonly inputs?: Inputs | undefined
  readonly prefix?: string | undefined
}

/** A weight as it stands in a file: the network's name for it, the file's, and its numbers' type and shape. */
interface Weight {
  readonly name: string
  readonly stored: string
  readonly dtype: string
  readonly shape: readonly number[]
}

/** A file that is open: what to make, and the weights for it. */
export interface NetworkFile {
  readonly spec: SpecValue
  readonly dtype: Dtype
  readonly inputs: Inputs | undefined
  readonly weights: readonly Weight[]
  /** The names as they stand in the file. */
  readonly names: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  /** The weights by the names the network has for them; the caller disposes them. */
  read(): Promise<Record<string, Tensor>>
}

/**
 * Opens the file of an energy or network, and closes it when `work` has ended. Its header is checked before, its numbers are read when
 * `work` asks for them.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file, or one that does not say what it holds and nobody else does), and what
 *   `work` does
 */
export async function withNetworkFile<T>(
  path: string,
  family: StoredFamily,
  given: Given,
  work: (file: NetworkFile) => Promise<T>,
): Promise<T> {
  const file = await OpenSafetensors.open(path)
  try {
    const { metadata, names } = file
    const weights = weightsIn(path, file, given.prefix ?? '')
    return await work({
      spec: given.spec ?? specIn(path, metadata, family),
      dtype: given.dtype ?? dtypeIn(path, metadata, weights),
      inputs: given.inputs ?? inputsIn(path, metadata),
      weights,
      names,
      metadata,
      read: () =>
        tensorsIn(
          file,
          weights.map(({ stored, name }) => [stored, name] as const),
        ),
    })
  } finally {
    await file.close()
  }
}

/** How many numbers stored tensors hold. */
export function numbersIn(weights: NetworkFile['weights']): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1), 0)
}

/** ". Give { prefix: 'net.' }" where all names that are wanted are there behind one beginning. */
export function prefixHint(wanted: readonly string[], names: readonly string[]): string {
  const there = new Set(names)
  const first = wanted[0]
  if (first === undefined || there.has(first)) return ''
  const prefixes = names.filter((name) => name.endsWith(first)).map((name) => name.slice(0, -first.length))
  const prefix = prefixes.find((each) => wanted.every((name) => there.has(each + name)))
  return prefix === undefined ? '' : `. The names in the file begin with '${prefix}': give { prefix: '${prefix}' }`
}

function weightsIn(path: string, file: OpenSafetensors, prefix: string): Weight[] {
  const names = file.names.filter((name) => !name.startsWith(STATE_PREFIX))
  const chosen = names.filter((name) => name.startsWith(prefix))
  if (chosen.length === 0 && names.length > 0) {
    const listed = names.slice(0, 8).join(', ') + (names.length > 8 ? `, ... (${names.length})` : '')
    throw formatError(path, undefined, `no tensor has a name that begins with '${prefix}'; it holds ${listed}`)
  }
  const weights = chosen.map((stored) => ({ ...file.place(stored)!, name: stored.slice(prefix.length), stored }))
  const odd = weights.find(({ dtype }) => !STORED_FLOATS.has(dtype))
  if (odd === undefined) return weights
  throw formatError(path, undefined, `parameter '${odd.stored}' has dtype ${odd.dtype}; parameters are floating-point`)
}

function specIn(path: string, metadata: NetworkFile['metadata'], family: StoredFamily): SpecValue {
  const text = metadata[SPEC_KEY]
  if (metadata[FAMILY_KEY] === 'detector') {
    throw formatError(
      path,
      undefined,
      `the file holds a fitted detector, not one ${family}: use ood.load, or langevin anomaly score`,
    )
  }
  if (metadata[FAMILY_KEY] === 'scorer') {
    throw formatError(path, undefined, 'the file was written by exportScorer: loadScorer of langevin/scorer reads it')
  }
  if (text === undefined) {
    throw formatError(
      path,
      undefined,
      `the file does not say what ${family} it holds (no '${SPEC_KEY}' in its metadata); for a PyTorch state dict give { spec }`,
    )
  }
  const held = metadata[FAMILY_KEY] ?? 'energy'
  if (held !== family) {
    const remedy = READERS[held] === undefined ? '' : `: use ${READERS[held]}`
    throw formatError(path, undefined, `the file holds a spec of the family '${held}', not '${family}'${remedy}`)
  }
  try {
    return parseSpec(family, JSON.parse(text))
  } catch (cause) {
    throw formatError(path, undefined, `the spec in its metadata is not one: ${(cause as Error).message}`, cause)
  }
}

function inputsIn(path: string, metadata: NetworkFile['metadata']): Inputs | undefined {
  const text = metadata[INPUTS_KEY]
  if (text === undefined) return undefined
  try {
    return checkInputs(JSON.parse(text))
  } catch (cause) {
    throw formatError(path, undefined, `the inputs in its metadata cannot be read: ${(cause as Error).message}`, cause)
  }
}

/** That of the file; in one without langevin's metadata the widest, at least float32: half precision is a way to store. */
function dtypeIn(path: string, metadata: NetworkFile['metadata'], weights: readonly Weight[]): Dtype {
  const told = metadata[DTYPE_KEY]
  if (told === undefined) return weights.some(({ dtype }) => dtype === 'float64') ? 'float64' : 'float32'
  if (FLOATS.has(told)) return told as Dtype
  throw formatError(path, undefined, `an energy has no dtype ${told}; float32, float64 or bfloat16`)
}
