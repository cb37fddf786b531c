// The addon, by cmake-js and Ninja.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { clock, output, run, SetupError, say, showProgress } from './console.mjs'
import { fingerprint, readStamp } from './hash.mjs'
import { resolveLibtorch } from './libtorch.mjs'
import { homeDirectory } from './paths.mjs'
import { checkSpace } from './venv.mjs'

const SOURCES = ['CMakeLists.txt', 'cmake', 'native/core', 'native/binding']
// A precompiled header of 0.4 GB, the objects and the addon.
const BUILD_BYTES = 1e9

/** As many compiles at once as there are cores, while each has 2 GB of memory: it takes up to 1.3 GB. */
export function compilesAtOnce(cores = availableParallelism(), memory = totalmem()) {
  return String(Math.max(1, Math.min(cores, Math.floor(memory / 2e9))))
}

/** What a configured build depends on besides the sources. */
async function toolchain(root, env) {
  const require = createRequire(join(root, 'package.json'))
  const { prefix, version } = resolveLibtorch({ root, env })
  return {
    node: process.versions.modules,
    compiler: await output(env.CXX || 'g++', ['--version'], { env }),
    cmake: await output('cmake', ['--version'], { env }),
    ccache: (await output('ccache', ['--version'], { env })) !== undefined,
    cmakeJs: require('cmake-js/package.json').version,
    addonApi: require('node-addon-api/package.json').version,
    libtorch: [prefix, version],
    flags: [env.CXX, env.CXXFLAGS, env.LDFLAGS],
  }
}

/** Removes a build folder that was copied or moved with its project: it still points at the old place. */
export function dropForeignCache(root, build) {
  const cache = join(build, 'CMakeCache.txt')
  if (!existsSync(cache)) return
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  if (home === root) return
  say('native', `build/ was configured for ${home}: starting with an empty one`)
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

async function cmakeJs(root, env, command) {
  const cli = createRequire(join(root, 'package.json')).resolve('cmake-js/bin/cmake-js')
  const args = [cli, command, '--directory', root, '--generator', 'Ninja', '--log-level', 'warn']
  const { onLine, describe } = buildProgress()
  const ended = showProgress('native', describe)
  const { status, tail } = await run(process.execPath, args, { cwd: root, env, onLine })
  ended()
  if (status === 0) return
  const remedy = 'the messages above name the file; fix it, then: npm run setup (it continues where it stopped)'
  if (/No space left/.test(tail))
    throw new SetupError('the build ran out of disk space', `free some space, then: npm run setup`)
  if (/Killed signal|cannot allocate memory/i.test(tail)) {
    throw new SetupError(
      'the compiler ran out of memory',
      'CMAKE_BUILD_PARALLEL_LEVEL=1 npm run setup (1.3 GB per compiler process)',
    )
  }
  throw new SetupError(`cmake-js ${command} failed (exit ${status})`, remedy, tail)
}

/** Loads the addon in a process of its own: a broken one must not take set-up with it. */
async function verify(addon) {
  const { status, tail } = await run(process.execPath, ['-e', 'require(process.argv[1])', addon], { quiet: true })
  if (status !== 0) throw new SetupError(`${addon} was built but does not load:\n${tail.trim()}`, 'npx langevin doctor')
}

/**
 * Builds build/Release/langevin.node when sources, toolchain or LibTorch changed. The addon is replaced by a rename after
 * it was linked, so a failed build leaves the last good one.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv }} context
 */
export async function buildNative({ root, env = process.env }) {
  const build = join(root, 'build')
  const addon = join(build, 'Release/langevin.node')
  const stamp = join(build, 'langevin-stamp.json')
  const tools = await toolchain(root, env)
  const wanted = { tools: fingerprint(root, ['cmake', 'CMakeLists.txt'], tools), sources: fingerprint(root, SOURCES) }
  const last = readStamp(stamp)
  if (existsSync(addon) && last?.tools === wanted.tools && last.sources === wanted.sources) {
    return say('native', 'skipped: the addon is up to date with its sources, toolchain and LibTorch')
  }
  dropForeignCache(root, build)
  mkdirSync(build, { recursive: true })
  checkSpace(build, existsSync(addon) ? BUILD_BYTES / 5 : BUILD_BYTES, 'the native build')
  const buildEnv = { CMAKE_BUILD_PARALLEL_LEVEL: compilesAtOnce(), ...env, LANGEVIN_HOME: homeDirectory(root, env) }
  const began = Date.now()
  if (last?.tools !== wanted.tools || !existsSync(join(build, 'build.ninja'))) {
    say('native', 'configuring, because the toolchain, LibTorch or the CMake files are new')
    await cmakeJs(root, buildEnv, 'configure')
  }
  say(
    'native',
    existsSync(addon)
      ? 'building what changed'
      : 'building the addon (the first time: 3 to 5 minutes on two cores, 0.4 GB)',
  )
  await cmakeJs(root, buildEnv, 'build')
  await verify(addon)
  writeFileSync(`${stamp}.new`, JSON.stringify(wanted))
  renameSync(`${stamp}.new`, stamp)
  return say('native', `built ${addon} in ${((Date.now() - began) / 1000).toFixed(0)} s`)
}
