/** Versions, memory, threads and devices. */
import process from 'node:process'
import { binding } from './native/call.js'
import type { NativeMemory } from './native/contract.js'
import { invoke, invokeNow } from './runtime/index.js'
import { requireOptions } from './spec/index.js'

interface NativeVersions {
  torch: string
  cudaCompiled: boolean
  cudaDevices: number
  cpuCapability: string
  parallel: string
  config: string
  threads: number
  intraOp: number
}

/** Versions of the package and of what it runs on. */
export interface Versions {
  /** The package, as the addon was built. */
  langevin: string
  node: string
  napi: string
  /** The LibTorch that is loaded, and the one the addon was compiled with. */
  libtorch: string
  libtorchCompiled: string
  compiler: string
  cudaCompiled: boolean
  /** The vector instructions LibTorch chose: 'DEFAULT', 'AVX2', 'AVX512'. */
  cpuCapability: string
}

/** Versions of everything that computes. Loads the addon. */
export function versions(): Versions {
  const { torch, config, cudaCompiled, cpuCapability } = invokeNow<NativeVersions>('system.versions', {})
  const { version, libtorch, compiler } = binding().build
  return {
    langevin: version,
    node: process.versions.node,
    napi: process.versions.napi as string,
    // `torch` is the version of the headers; the library reports its own only in its build settings.
    libtorch: /TORCH_VERSION=([^,\s]+)/.exec(config)?.[1] ?? torch,
    libtorchCompiled: libtorch,
    compiler,
    cudaCompiled,
    cpuCapability,
  }
}

/**
 * Live handles and the host bytes they hold (all threads of the process), and jobs. `tensorBytes` counts what was
 * reported to V8; it falls at `dispose()` or when the garbage collector finds a forgotten handle.
 */
export function memoryStats(): NativeMemory {
  return binding().memory()
}

/**
 * LibTorch's threads inside one operation of a job; default 1, because parallel work runs over tiles of rows on
 * langevin's own threads. Waits for the job that is running.
 *
 * @returns the setting, and how many threads a job uses over tiles unless it says otherwise
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION unless `intraOp` is a whole number of at least 1
 */
export async function threads(options: { intraOp?: number } = {}): Promise<{ intraOp: number; tiles: number }> {
  requireOptions('threads', options, ['intraOp'])
  if (options.intraOp !== undefined) await invoke('system.intraOp', { intraOp: options.intraOp })
  const { intraOp, threads: tiles } = invokeNow<NativeVersions>('system.versions', {})
  return { intraOp, tiles }
}

/** Devices a tensor or an energy can live on: 'cpu', 'cuda:0', ... */
export function devices(): string[] {
  const { cudaDevices } = invokeNow<NativeVersions>('system.versions', {})
  return ['cpu', ...Array.from({ length: cudaDevices }, (_, i) => `cuda:${i}`)]
}
