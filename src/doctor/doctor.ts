/** doctor(): runs every check of the installation. */
import { readFileSync } from 'node:fs'
import { arch, cpus, freemem, release, totalmem } from 'node:os'
import type { NativeBinding } from '../native/contract.js'
import { candidates, type LoadOutcome, loadAddon, packageRoot } from '../native/load.js'
import { cpuFlags, loadedLibtorch, nvidiaDriver, openmp, type SetupTool, setupParts } from './probe.js'
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

function libtorchChecks(libtorch: DoctorReport['libtorch']): DoctorCheck[] {
  const last = libtorch.attempts.at(-1)
  const checks: DoctorCheck[] = [
    {
      name: 'LibTorch for a build',
      ok: libtorch.resolved !== undefined,
      found: libtorch.resolved ?? `${last?.source}: ${last?.reason}`,
      remedy: last?.remedy ?? 'npm run setup',
    },
  ]
  if (libtorch.compiled && libtorch.loaded) {
    checks.push({
      name: 'LibTorch compiled and loaded',
      ok: libtorch.compiled === libtorch.loaded,
      found: `${libtorch.compiled} and ${libtorch.loaded}`,
      remedy: 'npx langevin build',
    })
  }
  return checks
}

function addonCheck({ path, attempts }: LoadOutcome): DoctorCheck {
  if (path) return { name: 'addon', ok: true, found: path }
  const telling = attempts.find(({ problem }) => problem !== 'no such file') ?? attempts[0]
  const found = telling?.problem ?? 'nothing to try'
  return { name: 'addon', ok: false, found, remedy: telling?.remedy ?? 'npx langevin build' }
}

function describeAddon({ addon, path, attempts }: LoadOutcome): DoctorReport['addon'] {
  if (!addon || !path) return { attempts }
  const { contractVersion, build } = addon
  return { path, contract: contractVersion, compiler: build.compiler, functions: addon.functions().length, attempts }
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
  const outcome = loadAddon(candidates(root, env))
  const versions = versionsOf(outcome.addon)
  const managed = !env.LIBTORCH && env.LIBTORCH_USE_PYTORCH !== '1'
  const [tools, driver] = await Promise.all([setup.probeTools({ env, python: managed }), nvidiaDriver()])
  const asRoot = process.getuid?.() === 0
  const resolution = setup.resolveLibtorch({ root: root.replace(/\/$/, ''), env })
  const loadedFrom = loadedLibtorch()
  const libtorch: DoctorReport['libtorch'] = {
    ...(outcome.addon && { compiled: outcome.addon.build.libtorch }),
    ...(loadedFrom && { loaded: setup.libtorchVersion(loadedFrom) ?? 'unknown', loadedFrom }),
    ...(resolution.prefix && { resolved: resolution.version ?? 'unknown', resolvedFrom: resolution.prefix }),
    attempts: resolution.attempts,
  }
  const toolFindings = toolChecks(tools, (tool) => setup.toolRemedy([tool], asRoot)?.remedy)
  const checks = [...nodeChecks(), ...toolFindings, ...libtorchChecks(libtorch), addonCheck(outcome)]
  const processors = cpus()
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
  return {
    ok: checks.every(({ ok }) => ok),
    langevin: version,
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
    threads: { ...(versions && { pool: versions.threads, intraOp: versions.intraOp }), ...openmp(env) },
    addon: describeAddon(outcome),
    checks,
  }
}
