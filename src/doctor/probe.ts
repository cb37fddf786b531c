/** Looks at this machine: set-up scripts, processor flags, loaded libraries, the NVIDIA driver. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { DoctorReport, LibtorchAttempt } from './report.js'

const exec = promisify(execFile)

/** What scripts/setup offers to the package; plain modules, so that set-up runs before anything is installed. */
interface SetupParts {
  probeTools(options: { env: NodeJS.ProcessEnv; python: boolean }): Promise<SetupTool[]>
  toolRemedy(tools: SetupTool[], asRoot: boolean): { problem: string; remedy: string } | undefined
  resolveLibtorch(options: { root: string; env: NodeJS.ProcessEnv }): {
    prefix?: string
    version?: string
    source: string
    cuda: boolean
    attempts: LibtorchAttempt[]
  }
  libtorchVersion(prefix: string): string | undefined
}

/** A tool as scripts/setup/tools.mjs describes it. */
export interface SetupTool {
  name: string
  needed: string
  version?: string
  ok: boolean
}

/** Loads the parts of scripts/setup that the doctor uses; scripts/ is next to src/ and to dist/. */
export async function setupParts(): Promise<SetupParts> {
  const at = (name: string) => new URL(`../../scripts/setup/${name}.mjs`, import.meta.url).href
  const [tools, libtorch] = await Promise.all([import(at('tools')), import(at('libtorch'))])
  return { ...tools, ...libtorch } as SetupParts
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Instruction sets from /proc/cpuinfo flags. */
export function cpuFlags(cpuinfo: string = read('/proc/cpuinfo')): Omit<DoctorReport['cpu'], 'capability'> {
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(' '))
  return {
    avx2: flags.has('avx2') && flags.has('fma'),
    avx512: ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl'].every((flag) => flags.has(flag)),
    bf16: flags.has('avx512_bf16') || flags.has('amx_bf16'),
    amx: flags.has('amx_tile') && flags.has('amx_bf16'),
  }
}

/** Libraries mapped into this process whose file name matches. */
export function mappedLibraries(pattern: RegExp, maps: string = read('/proc/self/maps')): string[] {
  const paths = maps.split('\n').map((line) => line.slice(line.indexOf('/')))
  return [...new Set(paths.filter((path) => pattern.test(path.slice(path.lastIndexOf('/') + 1))))]
}

/** The LibTorch folder in this process: the one above lib/libtorch_cpu.so. */
export function loadedLibtorch(): string | undefined {
  const [library] = mappedLibraries(/^libtorch_cpu\.so/)
  return library && dirname(dirname(library))
}

/** The OpenMP runtime in this process and how its threads wait between two parallel regions. */
export function openmp(env: NodeJS.ProcessEnv = process.env): { openmp?: string; waitPolicy: string } {
  const [runtime] = mappedLibraries(/^lib(gomp|iomp5|omp)[-.]/)
  const settings = ['OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME']
    .filter((name) => env[name] !== undefined)
    .map((name) => `${name}=${env[name]}`)
  const waitPolicy = settings.length > 0 ? settings.join(' ') : "the runtime's default (spins, then sleeps)"
  return runtime ? { openmp: runtime, waitPolicy } : { waitPolicy }
}

/** The NVIDIA driver's version; undefined without one. */
export async function nvidiaDriver(): Promise<string | undefined> {
  try {
    const { stdout } = await exec('nvidia-smi', ['--query-gpu=driver_version', '--format=csv,noheader'], {
      timeout: 10_000,
    })
    return stdout.split('\n')[0]?.trim() || undefined
  } catch {
    return undefined
  }
}
