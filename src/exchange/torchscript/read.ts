/** Reads a TorchScript module as an energy. Such a file is code: it runs with the rights of the process. */
import type { Inputs } from '../../data/inputs.js'
import { LangevinError } from '../../errors.js'
import { formatError, readWhole } from '../../io/files.js'
import { openZip } from '../../io/zip.js'
import type { Dtype, NativeNetwork } from '../../native/contract.js'
import { type InvokeOptions, invoke } from '../../runtime/index.js'
import { freeze, requireOptions, type SpecValue } from '../../spec/index.js'
import { SCRIPT_KIND } from '../../weights.js'

/** Options of `Energy.fromTorchScript`. */
export interface FromTorchScriptOptions extends InvokeOptions {
  /** Columns of a row x, or the axes of one: forward(x) is given rows [n, input], or [n, ...input]. */
  input: number | readonly number[]
  /** true: you trust the file. A TorchScript module is a program, and loading and evaluating it runs it. */
  allowCode: boolean
  /** The dtype of the rows forward(x) is given. Default: that of the module's parameters, float32 where it has none. */
  dtype?: Dtype
  /** 'cpu' (default), 'cuda', 'cuda:N', or 'auto'. */
  device?: string
  /** What its columns are, as of `Energy.create`. */
  inputs?: Inputs
}

const KNOWN = [
  'input',
  'allowCode',
  'dtype',
  'device',
  'inputs',
  'signal',
] as const satisfies readonly (keyof FromTorchScriptOptions)[]

function invalid(path: string, problem: string): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `Energy.fromTorchScript: ${path}: ${problem}`, {
    details: { path },
  })
}

/** @throws ERR_LANGEVIN_FORMAT for a file that is no TorchScript archive, with what it is where that can be told */
function requireArchive(bytes: Uint8Array, path: string): void {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) {
    throw formatError(
      path,
      0,
      'not a TorchScript file, which is a zip archive; in Python torch.jit.script(module).save(path) writes one',
    )
  }
  const names = [...openZip(bytes, path).keys()]
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name))
  // What torch.jit writes, and torch.save() does not.
  if (has(/^[^/]+\/constants\.pkl$/) && has(/^[^/]+\/data\.pkl$/)) return
  const problem = has(/^[^/]+\/data\.pkl$/)
    ? 'a torch.save() file, which holds weights or pickled objects and no program; in Python save the module with torch.jit.script(module).save(path), or its weights with safetensors.torch.save_file for Energy.load'
    : 'a zip archive, but no TorchScript file; in Python torch.jit.script(module).save(path) writes one'
  throw formatError(path, 0, problem)
}

/**
 * The native energy of a module, and what stands for its spec.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (without allowCode), _IO, _FORMAT, _DTYPE, _DEVICE
 */
export async function readTorchScript(
  path: string,
  options: FromTorchScriptOptions,
): Promise<{ handle: NativeNetwork; spec: SpecValue; inputs: Inputs | undefined }> {
  const given = requireOptions('Energy.fromTorchScript', options, KNOWN)
  const { input, allowCode, dtype, device = 'cpu', inputs, signal } = given
  if (allowCode !== true) {
    invalid(
      'allowCode',
      'a TorchScript file is a program: whoever wrote it may read and write files and use all memory and time of this process. If you trust where it comes from, give { allowCode: true }; weights alone are safe as safetensors (Energy.load)',
    )
  }
  const axes = typeof input === 'number' ? [input] : input
  const isSize = (size: unknown) => Number.isSafeInteger(size) && (size as number) > 0
  if (!Array.isArray(axes) || axes.length === 0 || !axes.every(isSize))
    invalid('input', 'must be the number of columns of a row, or its axes: whole numbers above 0')
  requireArchive(await readWhole(path), path)
  const args = { path, input: [...axes], device, ...(dtype !== undefined && { dtype }) }
  const handle = await invoke<NativeNetwork>('torchScript.load', args, { signal })
  const spec = freeze({ kind: SCRIPT_KIND, input: typeof input === 'number' ? input : [...axes], path })
  return { handle, spec: spec as SpecValue, inputs }
}

/** Another native energy of the same module, which never changes. */
export function copyTorchScript(network: NativeNetwork, options: InvokeOptions): Promise<NativeNetwork> {
  return invoke<NativeNetwork>('torchScript.copy', { network }, options)
}
