/** What of this machine concerns the addon before and after it is loaded: C library, processors allowed. */
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { isMainThread } from 'node:worker_threads'
import { familySync, MUSL } from 'detect-libc'
import { allowedProcessors } from '../../scripts/setup/processors.mjs'
import type { NativeBinding } from './contract.js'

interface Machine {
  platform: string
  arch: string
  /** As `detect-libc` names it; null where it cannot tell. */
  libc: string | null
}

function thisMachine(): Machine {
  const { platform, arch } = process
  return { platform, arch, libc: platform === 'linux' ? familySync() : null }
}

/**
 * Why no addon can work on this machine, in one sentence; undefined when nothing speaks against it. Asked before anything
 * is opened: on another C library the dynamic linker's own words help nobody. Instructions are not asked for: LibTorch and
 * langevin's kernels look for AVX2 and AVX-512 by themselves, and work without (docs/install.md).
 */
export function platformProblem({ platform, arch, libc }: Machine = thisMachine()): string | undefined {
  if (platform !== 'linux') return `langevin runs on Linux with glibc; this is ${platform} ${arch}`
  if (libc !== MUSL) return undefined
  return (
    'LibTorch needs glibc, and this system has musl (Alpine): use an image with glibc, for example node:22-slim instead ' +
    'of node:22-alpine'
  )
}

/**
 * Tells the addon how many threads are worth starting where a control group allows less processor time than there are
 * processors. The core counts the affinity mask by itself and reads LANGEVIN_THREADS once; the variable is set for that
 * moment alone, so that child processes do not inherit it. A worker has a copy of the environment that C++ does not see:
 * there the number is the one that the main thread has settled, or the affinity mask's.
 */
export function limitThreads(addon: Pick<NativeBinding, 'callNow'>, allowed: number = allowedProcessors()): void {
  if (process.env.LANGEVIN_THREADS || !isMainThread) return
  if (allowed >= availableParallelism()) return
  process.env.LANGEVIN_THREADS = String(allowed)
  try {
    addon.callNow('system.versions', {})
  } finally {
    delete process.env.LANGEVIN_THREADS
  }
}
