/** doctor(): runs every check of the installation. */
import { readFileSync, statSync } from 'node:fs'
import { arch, cpus, freemem, release, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { installedAsDependency, setupCommand, stateDirectory } from '../../scripts/setup/paths.mjs'
import { allowedProcessors } from '../../scripts/setup/processors.mjs'
import type { NativeBinding } from '../native/contract.js'
import { type LoadOutcome, packageRoot, provideAddon, telling } from '../native/load.js'
import { platformProblem } from '../native/machine.js'
import { cpuFlags, loadedLibtorch, mappedLibraries, nvidiaDriver, openmp, type SetupTool, setupParts } from './probe.js'
import type { DoctorCheck, DoctorReport } from './report.js'

/** The part of the core's `system.versions` the doctor shows. */
interface NativeVersions {
  torch: string
  cudaCompiled: boolean
  cudaDevices: number
  cpuCapability: string
  threads: number
  intraOp: number
}

const OLDEST_NODE = [20, 19] as const
const NAPI_LEVEL = 9

function nodeChecks(): DoctorCheck[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const napi = Number(process.versions.napi)
  const newEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
  const remedy = 'install Node.js 20.19 or newer'
  return [
    { name: 'Node.js', ok: newEnough, found: process.versions.node, needed: OLDEST_NODE.join('.'), remedy },
    { name: 'N-API level', ok: napi >= NAPI_LEVEL, found: String(napi), needed: String(NAPI_LEVEL), remedy },
  ]
}

function platformCheck(): DoctorCheck {
  const problem = platformProblem()
  return { name: 'C library', ok: !problem, found: problem ?? 'glibc' }
}

function toolChecks(tools: SetupTool[], remedyOf: (tool: SetupTool) => string | undefined): DoctorCheck[] {
  return tools
    .filter(({ name }) => name !== 'Node.js')
    .map((tool) => {
      const check: DoctorCheck = {
        name: tool.name,
        ok: tool.ok,
        found: tool.version ?? 'missing',
        needed: tool.needed,
      }
      const remedy = tool.ok ? undefined : remedyOf(tool)
      return remedy ? { ...check, remedy } : check
    })
}

function buildCheck({ attempts, resolved }: DoctorReport['libtorch'], setup: string): DoctorCheck {
  const last = attempts.at(-1)
  return {
    name: 'LibTorch for a build',
    ok: resolved !== undefined,
    found: resolved ?? `${last?.source}: ${last?.reason}`,
    remedy: last?.remedy ?? setup,
  }
}

function loadedChecks({ compiled, loaded }: DoctorReport['libtorch']): DoctorCheck[] {
  if (!compiled || !loaded) return []
  const found = `${compiled} and ${loaded}`
  return [{ name: 'LibTorch compiled and loaded', ok: compiled === loaded, found, remedy: 'npx langevin build' }]
}

function addonChecks({ path, attempts, refused }: LoadOutcome, mapped: string | undefined): DoctorCheck[] {
  if (refused) {
    const { problem, remedy } = refused
    return [{ name: 'addon', ok: false, found: problem, ...(remedy && { remedy }) }]
  }
  const said = telling(attempts)
  if (!path) {
    const remedy = said?.remedy ?? 'npx langevin build'
    return [{ name: 'addon', ok: false, found: said?.problem ?? 'nothing to try', remedy }]
  }
  const remedy = 'start this process anew: the file it has loaded was replaced since'
  return [{ name: 'addon', ok: !mapped?.endsWith(' (deleted)'), found: mapped ?? path, remedy }]
}

/** The size of a file in bytes; undefined when it has gone. */
function sizeOf(path: string | undefined): number | undefined {
  return path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })?.size
}

function describeAddon({ addon, path, attempts }: LoadOutcome, mapped: string | undefined): DoctorReport['addon'] {
  if (!addon || !path) return { attempts }
  const { contractVersion, build } = addon
  const bytes = sizeOf(mapped ?? path)
  return {
    path: mapped ?? path,
    ...(bytes !== undefined && { bytes }),
    version: build.version,
    contract: contractVersion,
    compiler: build.compiler,
    functions: addon.functions().length,
    attempts,
  }
}

function versionsOf(addon: NativeBinding | undefined): NativeVersions | undefined {
  return addon?.callNow('system.versions', {}) as NativeVersions | undefined
}

/**
 * Checks the installation: Node, tools, LibTorch, CUDA, processor, threads, the addon. Never throws for what it finds:
 * a missing part is a failed check with the command that fixes it.
 *
 * @returns the report; `renderReport` puts it in words
 */
export async function doctor(): Promise<DoctorReport> {
  const root = packageRoot()
  const env = process.env
  const setup = await setupParts()
  const command = setupCommand(root)
  const platform = platformCheck()
  const outcome = provideAddon(root, env)
  const [mapped] = outcome.path ? mappedLibraries(new RegExp(`^${basename(outcome.path)}( \\(deleted\\))?$`)) : []
  // A dependency that runs needs no compiler: what a build would take is looked at where one is to be expected.
  const builds = !installedAsDependency(root) || !outcome.path
  const versions = versionsOf(outcome.addon)
  const managed = !env.LIBTORCH && env.LIBTORCH_USE_PYTORCH !== '1'
  const [tools, driver] = await Promise.all([setup.probeTools({ env, python: managed }), nvidiaDriver()])
  const asRoot = process.getuid?.() === 0
  const resolution = setup.resolveLibtorch({ root: root.replace(/\/$/, ''), env })
  const loadedFrom = loadedLibtorch()
  const loadedBytes = loadedFrom && sizeOf(join(loadedFrom, 'lib/libtorch_cpu.so'))
  const libtorch: DoctorReport['libtorch'] = {
    ...(outcome.addon && { compiled: outcome.addon.build.libtorch }),
    ...(loadedFrom && { loaded: setup.libtorchVersion(loadedFrom) ?? 'unknown', loadedFrom }),
    ...(loadedBytes && { loadedBytes }),
    ...(resolution.prefix && { resolved: resolution.version ?? 'unknown', resolvedFrom: resolution.prefix }),
    attempts: resolution.attempts,
  }
  const toolFindings = toolChecks(tools, (tool) => setup.toolRemedy([tool], asRoot)?.remedy)
  const checks = [
    ...nodeChecks(),
    platform,
    ...(builds ? [...toolFindings, buildCheck(libtorch, command)] : []),
    ...loadedChecks(libtorch),
    ...addonChecks(outcome, mapped),
  ]
  const processors = cpus()
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
  return {
    ok: checks.every(({ ok }) => ok),
    langevin: version,
    setup: { command, folder: stateDirectory(root.replace(/\/$/, ''), env) },
    node: { version: process.versions.node, napi: Number(process.versions.napi), executable: process.execPath },
    system: {
      platform: `${process.platform} ${arch()} ${release()}`,
      cpu: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      memoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
    },
    tools: toolFindings,
    libtorch,
    cuda: {
      built: outcome.addon?.build.cuda ?? resolution.cuda,
      devices: versions?.cudaDevices ?? 0,
      ...(driver && { driver }),
    },
    cpu: { ...cpuFlags(), ...(versions && { capability: versions.cpuCapability }) },
    threads: {
      allowed: allowedProcessors(),
      ...(versions && { pool: versions.threads, intraOp: versions.intraOp }),
      ...openmp(env),
    },
    addon: describeAddon(outcome, mapped),
    checks,
  }
}
