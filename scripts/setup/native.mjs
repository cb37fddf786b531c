// The addon: the one of the platform's package where that loads, else one compiled by cmake-js and Ninja.

import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { totalmem } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  addonFolder,
  damage,
  libtorchFrom,
  PREBUILT,
  packageVersion,
  prebuiltAddon,
  writeChoice,
  writeRecord,
} from './addon.mjs'
import { clock, output, run, SetupError, say, showProgress } from './console.mjs'
import { fingerprint, readStamp } from './hash.mjs'
import { clearLeftovers } from './leftovers.mjs'
import { resolveLibtorch } from './libtorch.mjs'
import { homeDirectory, installedAsDependency, SETUP, stateDirectory } from './paths.mjs'
import { allowedProcessors } from './processors.mjs'
import { checkTools } from './tools.mjs'
import { checkSpace } from './venv.mjs'

const SOURCES = ['CMakeLists.txt', 'cmake', 'native/core', 'native/binding', 'native/scorer']
// A precompiled header of 0.4 GB, the objects and the addon.
const BUILD_BYTES = 1e9

/** Memory this process may use: the machine's, or the limit of its control group. */
const memoryLimit = () => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)

/** As many compiles at once as there are cores, while each has 2 GB of memory: it takes up to 1.3 GB. */
export function compilesAtOnce(cores = allowedProcessors(), memory = memoryLimit()) {
  return String(Math.max(1, Math.min(cores, Math.floor(memory / 2e9))))
}

/** What a configured build depends on besides the sources. */
async function toolchain(root, env) {
  const require = createRequire(join(root, 'package.json'))
  const { prefix, version } = resolveLibtorch({ root, env })
  const addonApi = require('node-addon-api/package.json').version
  // An addon that is there and loads is good on a machine without a compiler, and in a cache that was moved.
  if (installedAsDependency(root)) return { addonApi, libtorch: version }
  return {
    node: process.versions.modules,
    compiler: await output(env.CXX || 'g++', ['--version'], { env }),
    cmake: await output('cmake', ['--version'], { env }),
    ccache: (await output('ccache', ['--version'], { env })) !== undefined,
    cmakeJs: require('cmake-js/package.json').version,
    addonApi,
    libtorch: [prefix, version],
    flags: [env.CXX, env.CXXFLAGS, env.LDFLAGS],
  }
}

/** The build folder, the addon and the stamp that says what it was built from. */
function placesOf(root, env) {
  if (!installedAsDependency(root)) {
    const build = join(root, 'build')
    return { build, addon: join(build, 'Release/langevin.node'), stamp: join(build, 'langevin-stamp.json') }
  }
  const { prefix, version, source } = resolveLibtorch({ root, env })
  const own = source === 'managed' ? undefined : createHash('sha256').update(`${prefix}`).digest('hex').slice(0, 8)
  const folder = addonFolder(root, env, { version, own })
  const build = join(stateDirectory(root, env), `build-${basename(folder)}`)
  return { build, addon: join(folder, 'langevin.node'), stamp: join(folder, 'langevin-stamp.json') }
}

/** What the stamp beside an addon says when it was built from these sources. */
export async function wantedStamp(root, env) {
  const tools = await toolchain(root, env)
  return { tools: fingerprint(root, ['cmake', 'CMakeLists.txt'], tools), sources: fingerprint(root, SOURCES) }
}

/** Whether an addon was built from this; one that a killed or a full machine left incomplete was not. */
function isCurrent({ addon, stamp }, wanted) {
  const last = readStamp(stamp)
  return existsSync(addon) && last?.tools === wanted.tools && last.sources === wanted.sources && !damage(addon)
}

/**
 * Whether set-up is going to compile. Where langevin is a dependency it often is not: there is a package with the addon, or
 * a cache with one.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv, compile?: boolean }} context
 */
export async function willCompile({ root, env = process.env, compile = false }) {
  if (!installedAsDependency(root)) return true
  if (!compile && prebuiltAddon(root)) return false
  const places = placesOf(root, env)
  return !isCurrent(places, await wantedStamp(root, env)) || (await cachedProblem(root, env, places)) !== undefined
}

/** Removes a build folder that was copied or moved with its project: it still points at the old place. */
export function dropForeignCache(root, build) {
  const cache = join(build, 'CMakeCache.txt')
  if (!existsSync(cache)) return
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  if (home === root) return
  say('native', `${basename(build)}/ was configured for ${home}: starting with an empty one`)
  rmSync(build, { recursive: true, force: true })
}

/** How far a build is, from Ninja's lines. Objects take unlike times: the rest is an estimate, better towards the end. */
export function buildProgress() {
  let done = 0
  let total = 0
  return {
    onLine(line) {
      const match = /^\[(\d+)\/(\d+)\]/.exec(line)
      if (match) [done, total] = [Number(match[1]), Number(match[2])]
    },
    describe(seconds) {
      if (total === 0) return `configuring, ${clock(seconds)} so far`
      const left = done < total / 8 ? '' : `, ${clock((seconds / done) * (total - done))} left`
      return `${done}/${total}${left}`
    },
  }
}

async function cmakeJs(root, env, command, build) {
  const cli = createRequire(join(root, 'package.json')).resolve('cmake-js/bin/cmake-js')
  const args = [cli, command, '--directory', root, '--out', build, '--generator', 'Ninja', '--log-level', 'warn']
  const { onLine, describe } = buildProgress()
  const ended = showProgress('native', describe)
  const { status, tail } = await run(process.execPath, args, { cwd: root, env, onLine })
  ended()
  if (status === 0) return
  const remedy = `the messages above name the file; fix it, then: ${SETUP} (it continues where it stopped)`
  if (/No space left/.test(tail))
    throw new SetupError('the build ran out of disk space', `free some space, then: ${SETUP}`)
  if (/Killed signal|cannot allocate memory/i.test(tail)) {
    throw new SetupError(
      'the compiler ran out of memory',
      `CMAKE_BUILD_PARALLEL_LEVEL=1 ${SETUP} (1.3 GB per compiler process)`,
    )
  }
  throw new SetupError(`cmake-js ${command} failed (exit ${status})`, remedy, tail)
}

/** Loads the addon in a process of its own. Returns what is wrong with it, or undefined. */
async function problemOf(addon, env, libtorch) {
  const script = fileURLToPath(new URL('load.mjs', import.meta.url))
  const childEnv = { ...env, ...(libtorch && { LANGEVIN_LIBTORCH: libtorch }) }
  const { status, tail } = await run(process.execPath, [script, addon], { quiet: true, env: childEnv })
  return status === 0 ? undefined : (/^Error: (.*)$/m.exec(tail)?.[1] ?? tail.trim())
}

/**
 * Why the addon of a cache cannot be used although it is current. Its stamp says nothing of the system: a cache may be used
 * in another image, and its LibTorch may have been replaced.
 */
function cachedProblem(root, env, { addon }) {
  return problemOf(addon, env, resolveLibtorch({ root, env }).prefix)
}

async function verify(addon, env) {
  const problem = await problemOf(addon, env)
  if (problem) throw new SetupError(`${addon} was built but does not load:\n${problem}`, 'npx langevin doctor')
}

/** Takes the addon of the platform's package when it loads here. Returns whether it did. */
async function takePrebuilt(root, env) {
  const addon = prebuiltAddon(root)
  if (!addon) return false
  const { prefix, version } = resolveLibtorch({ root, env })
  const problem = await problemOf(addon, env, prefix)
  if (problem) {
    say('native', `compiling, because the addon of ${PREBUILT} does not load here: ${problem}`)
    await checkTools({ env, python: false })
    return false
  }
  writeChoice(root, env, { libtorch: { prefix, version } })
  say('native', `skipped: ${PREBUILT} brings the addon, and it loads`)
  return true
}

/** Puts a built addon in its folder of the cache in one step, whole and with its record, and removes what it was built with. */
function publish(root, env, { build, addon }, wanted) {
  const folder = dirname(addon)
  const fresh = `${folder}.new-${process.pid}`
  const old = `${folder}.old-${process.pid}`
  // Whatever the umask: what everybody may write to is not loaded.
  mkdirSync(fresh, { recursive: true, mode: 0o755 })
  const target = join(fresh, basename(addon))
  copyFileSync(join(build, 'Release/langevin.node'), target)
  copyFileSync(join(build, 'Release/scorer.node'), join(fresh, 'scorer.node'))
  const { prefix, version } = resolveLibtorch({ root, env })
  writeRecord(target, { langevin: packageVersion(root), libtorch: libtorchFrom(folder, { version, prefix }) })
  writeFileSync(join(fresh, 'langevin-stamp.json'), JSON.stringify(wanted))
  if (existsSync(folder)) renameSync(folder, old)
  renameSync(fresh, folder)
  rmSync(old, { recursive: true, force: true })
  rmSync(build, { recursive: true, force: true })
}

async function compileAddon({ root, env }, places, wanted) {
  const { build, addon, stamp } = places
  dropForeignCache(root, build)
  mkdirSync(build, { recursive: true })
  const built = existsSync(join(build, 'Release/langevin.node'))
  checkSpace(build, built ? BUILD_BYTES / 5 : BUILD_BYTES, 'the native build')
  const buildEnv = { CMAKE_BUILD_PARALLEL_LEVEL: compilesAtOnce(), ...env, LANGEVIN_CACHE: homeDirectory(root, env) }
  const began = Date.now()
  if (readStamp(stamp)?.tools !== wanted.tools || !existsSync(join(build, 'build.ninja'))) {
    say('native', 'configuring, because the toolchain, LibTorch or the CMake files are new')
    await cmakeJs(root, buildEnv, 'configure', build)
  }
  say(
    'native',
    built ? 'building what changed' : 'building the addon (the first time: 3 to 5 minutes on two cores, 0.4 GB)',
  )
  await cmakeJs(root, buildEnv, 'build', build)
  await verify(join(build, 'Release/langevin.node'), env)
  if (installedAsDependency(root)) {
    publish(root, env, places, wanted)
  } else {
    writeFileSync(`${stamp}.new`, JSON.stringify(wanted))
    renameSync(`${stamp}.new`, stamp)
  }
  say('native', `built ${addon} in ${((Date.now() - began) / 1000).toFixed(0)} s`)
}

/** Whether the addon that is there will do: a current one, and where langevin is a dependency one that loads. */
async function isUsable({ root, env }, places, wanted) {
  if (!isCurrent(places, wanted)) return false
  const problem = installedAsDependency(root) ? await cachedProblem(root, env, places) : undefined
  if (problem) say('native', `compiling, because the addon of the cache does not load here: ${problem}`)
  return problem === undefined
}

/**
 * Provides the addon. In a checkout it is build/Release/langevin.node, built when sources, toolchain or LibTorch changed and
 * replaced by a rename after it was linked, so a failed build leaves the last good one. Where langevin is a dependency it is
 * the one of the platform's package, else one compiled into the cache.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv, compile?: boolean }} context compile: also where a package brings it
 */
export async function buildNative({ root, env = process.env, compile = false }) {
  const dependency = installedAsDependency(root)
  if (dependency && !compile && (await takePrebuilt(root, env))) return
  const places = placesOf(root, env)
  if (dependency) clearLeftovers(stateDirectory(root, env), places.build)
  const wanted = await wantedStamp(root, env)
  if (await isUsable({ root, env }, places, wanted))
    say('native', 'skipped: the addon is up to date with its sources, toolchain and LibTorch')
  else await compileAddon({ root, env }, places, wanted)
  if (!dependency) return
  // A finished build leaves none; one that was killed after it had published does.
  rmSync(places.build, { recursive: true, force: true })
  const { prefix, version } = resolveLibtorch({ root, env })
  writeChoice(root, env, { addon: places.addon, libtorch: { prefix, version } })
}
