// Where LibTorch and the built addon lie. In a checkout that is the checkout itself; where langevin is a dependency it is a
// cache outside node_modules, which `npm ci` empties.
import { lstatSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join, resolve, sep } from 'node:path'
// Named, for a context that has nothing but the language (node:vm) has neither as a global.
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'

/** The LibTorch this release is tested with. */
export const PINNED_LIBTORCH = '2.13.0'

/** True when the package lies in somebody's node_modules. @param {string} root */
export function installedAsDependency(root) {
  return root.includes(`${sep}node_modules${sep}`)
}

/** The command that sets up, as it exists where the package lies. @param {string} root */
export function setupCommand(root) {
  return installedAsDependency(root) ? 'npx langevin setup' : 'npm run setup'
}

/** `setupCommand` of the package these scripts belong to. */
export const SETUP = setupCommand(fileURLToPath(new URL('../../', import.meta.url)))

/** The account's home folder; undefined where the system knows none (a container with a bare user id). */
function accountHome() {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/**
 * The cache of what set-up downloads and builds: LANGEVIN_CACHE, else XDG_CACHE_HOME/langevin, else ~/.cache/langevin, else,
 * for an account without a home, a folder of this user's below the system's temporary one.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{ home?: string, uid?: number, temporary?: string }} system what the machine says; for tests
 * @returns {string} absolute path
 */
export function cacheDirectory(env = process.env, system = {}) {
  if (env.LANGEVIN_CACHE) return resolve(env.LANGEVIN_CACHE)
  // A relative one is to be ignored, says the XDG specification.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, 'langevin')
  const home = env.HOME || ('home' in system ? system.home : accountHome())
  if (home && isAbsolute(home)) return join(home, '.cache/langevin')
  return join(system.temporary ?? tmpdir(), `langevin-${system.uid ?? process.getuid?.() ?? 'user'}`)
}

/**
 * Why the files of a cache must not be loaded: somebody else could have put them there. Undefined when they may be, or
 * when there is no such folder. The sticky bit of a folder for everybody is no help: others may add files to it.
 *
 * @param {string} cache a folder or a file
 * @param {number | undefined} uid
 */
export function foreignCache(cache, uid = process.getuid?.()) {
  let found
  try {
    found = lstatSync(cache)
  } catch {
    return undefined
  }
  if (uid === undefined) return undefined
  // Root's files are as good as one's own: images are built as root and run as somebody else.
  if (found.uid !== uid && found.uid !== 0) return `${cache} belongs to user ${found.uid}, not to this one (${uid})`
  if (!found.isSymbolicLink() && found.mode & 0o002) return `everybody may write to ${cache}`
  return undefined
}

/**
 * Where set-up keeps its state (lock, log, addons): LANGEVIN_CACHE, `.langevin` in a checkout, the cache of a dependency.
 *
 * @param {string} root the package's folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} absolute path
 */
export function stateDirectory(root, env = process.env) {
  if (installedAsDependency(root) || env.LANGEVIN_CACHE) return cacheDirectory(env)
  return join(root, '.langevin')
}

/**
 * The folder whose `venv` is the managed LibTorch: one per version in a cache, which several versions of langevin share.
 *
 * @param {string} root the package's folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} absolute path
 */
export function homeDirectory(root, env = process.env) {
  const state = stateDirectory(root, env)
  return installedAsDependency(root) ? join(state, `libtorch-${PINNED_LIBTORCH}`) : state
}
