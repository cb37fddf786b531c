/** How networks come to be: made from a spec, or read from a file. */
import { LangevinError } from './errors.js'
import { formatError } from './io/files.js'
import type { NativeNetwork } from './native/contract.js'
import type { CreateOptions, LoadOptions } from './network-options.js'
import { invoke } from './runtime/index.js'
import { parseSpec, requireOptions, type SpecValue } from './spec/index.js'
import type { Tensor } from './tensor/index.js'
import { type Family, type NetworkFile, numbersIn, prefixHint, withNetworkFile } from './weights.js'

const CREATE = ['seed', 'dtype', 'device', 'inputs', 'signal'] as const satisfies readonly (keyof CreateOptions)[]
const LOAD = ['spec', 'dtype', 'inputs', 'prefix', 'device', 'signal'] as const satisfies readonly (keyof LoadOptions)[]

/** @internal The class of a family, for messages. */
export const classOf = (family: Family) => (family === 'energy' ? 'Energy' : 'Network')

/** Columns of a row of a file's network, at most: some kinds are made column by column. */
const MOST_COLUMNS = 2 ** 24

/** What the core does before it counts the parameters takes time and memory by the columns. @throws ERR_LANGEVIN_SHAPE */
function requireModest({ input, gaussianBase }: SpecValue, mostNumbers: number): void {
  const columns = [input].flat().reduce((product: number, size) => product * Number(size ?? 1), 1)
  const refuse = (problem: string): never => {
    throw new LangevinError('ERR_LANGEVIN_SHAPE', `the spec describes ${problem}`)
  }
  if (columns > MOST_COLUMNS) refuse(`rows of ${columns} columns; at most ${MOST_COLUMNS} are read from a file`)
  if (gaussianBase === 'full' && columns ** 2 > mostNumbers) {
    refuse(`a full base of ${columns} columns, and there are ${mostNumbers} numbers for it`)
  }
}

/**
 * @internal A native network from a spec of one of the two families.
 *
 * @param mostNumbers what there is for its parameters, where a file describes it: more are ERR_LANGEVIN_SHAPE before any is allocated
 */
export async function createNative(family: Family, spec: SpecValue, options: CreateOptions, mostNumbers?: number) {
  const owner = `${classOf(family)}.create`
  const { signal, seed = 0, dtype = 'float32', device = 'cpu' } = requireOptions(owner, options, CREATE)
  const parsed = parseSpec(family, spec)
  if (mostNumbers !== undefined) requireModest(parsed, mostNumbers)
  const args = { spec: parsed, seed, dtype, device, mostNumbers }
  const handle =
    family === 'energy'
      ? await invoke<NativeNetwork>('energy.create', args, { signal })
      : await invoke<NativeNetwork>('network.create', args, { signal })
  return { handle, spec: parsed }
}

/** What is made of a file, before it has the parameters of the file. */
interface Made {
  readonly disposed: boolean
  native(): NativeNetwork
  parameterInfo(): readonly { name: string }[]
  dispose(): void
}

/** @internal Reads spec and parameters from a file into what `create` makes. */
export async function loadInto<N extends Made>(
  path: string,
  family: Family,
  options: LoadOptions,
  create: (spec: SpecValue, options: CreateOptions, mostNumbers: number) => Promise<N>,
): Promise<N> {
  const { device = 'cpu', signal, ...given } = requireOptions(`${classOf(family)}.load`, options, LOAD)
  return withNetworkFile(path, family, given, (file) => loaded(path, family, file, { device, signal }, create))
}

async function loaded<N extends Made>(
  path: string,
  family: Family,
  { spec, dtype, inputs, weights, names, read }: NetworkFile,
  { device, signal }: Pick<CreateOptions, 'device' | 'signal'>,
  create: (spec: SpecValue, options: CreateOptions, mostNumbers: number) => Promise<N>,
): Promise<N> {
  const misfit = (error: unknown, hint = '') =>
    !LangevinError.is(error) || error.code === 'ERR_LANGEVIN_FORMAT' || error.code === 'ERR_LANGEVIN_IO'
      ? error
      : formatError(path, undefined, `the parameters do not fit the ${family}: ${error.message}${hint}`, error)
  const network = await create(spec, { dtype, device, signal, inputs }, numbersIn(weights)).catch((error) => {
    throw LangevinError.is(error) && error.code === 'ERR_LANGEVIN_SHAPE' ? misfit(error) : error
  })
  let values: Record<string, Tensor> = {}
  try {
    values = await read()
    await invoke('network.setParameters', { network: network.native(), values, complete: true }, { signal })
    return network
  } catch (error) {
    const wanted = network.disposed ? [] : network.parameterInfo().map(({ name }) => name)
    network.dispose()
    throw misfit(error, prefixHint(wanted, names))
  } finally {
    for (const value of Object.values(values)) value.dispose()
  }
}
