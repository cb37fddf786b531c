/** The report of doctor(): its types, and its text for a terminal. */
import type { LoadAttempt } from '../native/load.js'

/** One check of the installation. */
export interface DoctorCheck {
  /** What was checked. */
  name: string
  ok: boolean
  /** What was found. */
  found: string
  /** What is needed, when something is. */
  needed?: string
  /** The command that fixes it; only when not ok. */
  remedy?: string
}

/** A LibTorch that was looked for. */
export interface LibtorchAttempt {
  source: string
  path?: string
  found: boolean
  reason: string
  remedy?: string
}

/** What `doctor()` returns. */
export interface DoctorReport {
  /** True when every check is. */
  ok: boolean
  langevin: string
  /** The command that sets up here, and the folder where it keeps LibTorch (and a dependency's addon). */
  setup: { command: string; folder: string }
  node: { version: string; napi: number; executable: string }
  system: { platform: string; cpu: string; cores: number; memoryBytes: number; freeMemoryBytes: number }
  /** Compiler, CMake, Ninja, Python: what `npx langevin build` would use. */
  tools: DoctorCheck[]
  libtorch: {
    /** The version the addon was compiled with. */
    compiled?: string
    /** The version of the library in this process, and its folder. */
    loaded?: string
    loadedFrom?: string
    /** The size of its largest library. */
    loadedBytes?: number
    /** The LibTorch that a build would use now. */
    resolved?: string
    resolvedFrom?: string
    attempts: LibtorchAttempt[]
  }
  cuda: { built: boolean; devices: number; driver?: string }
  cpu: { capability?: string; avx2: boolean; avx512: boolean; bf16: boolean; amx: boolean }
  /** `allowed`: by the affinity mask and the processor quota of the control group. */
  threads: { allowed: number; pool?: number; intraOp?: number; openmp?: string; waitPolicy: string }
  /** The file in this process (from /proc/self/maps), and what it says of itself. */
  addon: {
    path?: string
    bytes?: number
    version?: string
    contract?: number
    compiler?: string
    functions?: number
    attempts: LoadAttempt[]
  }
  /** Every check, in order. */
  checks: DoctorCheck[]
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
const megabytes = (bytes: number | undefined): string => (bytes ? `, ${(bytes / 1e6).toFixed(1)} MB` : '')
const yesNo = (value: boolean): string => (value ? 'yes' : 'no')

function section(title: string, lines: Array<[string, string | undefined]>): string[] {
  const shown = lines.filter((line): line is [string, string] => line[1] !== undefined)
  return [title, ...shown.map(([name, value]) => `  ${name.padEnd(20)} ${value}`), '']
}

function mark({ ok, name, found, needed, remedy }: DoctorCheck): string {
  const wanted = needed ? ` (needed: ${needed})` : ''
  const fix = !ok && remedy ? `\n       fix: ${remedy.replaceAll('\n', '\n            ')}` : ''
  return `  ${ok ? 'ok  ' : 'BAD '} ${name}: ${found}${wanted}${fix}`
}

function libtorchLines({ libtorch, cuda }: DoctorReport): string[] {
  const where = (version?: string, folder?: string) => version && `${version} in ${folder}`
  const lines = section('LibTorch', [
    ['compiled with', libtorch.compiled],
    ['loaded', libtorch.loaded && `${where(libtorch.loaded, libtorch.loadedFrom)}${megabytes(libtorch.loadedBytes)}`],
    ['a build would use', where(libtorch.resolved, libtorch.resolvedFrom) ?? 'none'],
    ['CUDA built in', yesNo(cuda.built)],
    ['CUDA devices', String(cuda.devices)],
    ['NVIDIA driver', cuda.driver],
  ])
  lines.pop()
  for (const { source, path, found, reason, remedy } of libtorch.attempts) {
    const fix = !found && remedy ? `; fix: ${remedy}` : ''
    lines.push(`  tried ${source}${path ? ` ${path}` : ''}: ${reason}${fix}`)
  }
  return [...lines, '']
}

function addonLines({ addon }: DoctorReport): string[] {
  const lines = section('Addon', [
    ['loaded', addon.path ? `${addon.path}${megabytes(addon.bytes)}` : 'no'],
    ['version', addon.version],
    ['contract', addon.contract?.toString()],
    ['compiler', addon.compiler],
    ['functions', addon.functions?.toString()],
  ])
  lines.pop()
  for (const { path, problem, remedy } of addon.attempts) {
    if (problem) lines.push(`  tried ${path}: ${problem}; fix: ${remedy}`)
  }
  return [...lines, '']
}

/** The report in words, for a terminal. */
export function renderReport(report: DoctorReport): string {
  const { node, system, cpu, threads } = report
  const bad = report.checks.filter(({ ok }) => !ok).length
  return [
    ...section(`langevin ${report.langevin}`, [
      ['Node.js', `${node.version} (${node.executable})`],
      ['N-API level', String(node.napi)],
      ['platform', system.platform],
      ['set-up', `${report.setup.command} (in ${report.setup.folder})`],
      ['memory', `${gigabytes(system.memoryBytes)}, ${gigabytes(system.freeMemoryBytes)} free`],
    ]),
    ...section('Processor', [
      ['model', `${system.cpu}, ${system.cores} cores`],
      ['AVX2', yesNo(cpu.avx2)],
      ['AVX-512', yesNo(cpu.avx512)],
      ['bfloat16', yesNo(cpu.bf16)],
      ['AMX', yesNo(cpu.amx)],
      ['LibTorch uses', cpu.capability],
      ['threads allowed', String(threads.allowed)],
      ['langevin threads', threads.pool?.toString()],
      ['intra-op threads', threads.intraOp?.toString()],
      ['OpenMP runtime', threads.openmp],
      ['waiting policy', threads.waitPolicy],
    ]),
    ...libtorchLines(report),
    ...addonLines(report),
    'Checks',
    ...report.checks.map(mark),
    '',
    bad === 0 ? 'Everything is in order.' : `${bad} of ${report.checks.length} checks failed.`,
  ].join('\n')
}
