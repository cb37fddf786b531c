// LibTorch resolution without CMake. cmake/libtorch.cmake follows the same order; tests/package holds both to it.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { homeDirectory, PINNED_LIBTORCH, SETUP } from './paths.mjs'

/**
 * @typedef {object} Attempt
 * @property {'LIBTORCH' | 'LIBTORCH_USE_PYTORCH' | 'managed'} source
 * @property {string} [path] what was looked at
 * @property {boolean} found
 * @property {string} reason why it was taken or passed over
 * @property {string} [remedy] the command that fixes a failed attempt
 */

/**
 * @typedef {object} LibtorchResolution
 * @property {string} [prefix] the folder with include/, lib/ and share/; undefined when nothing was found
 * @property {string} [version] for example 2.13.0
 * @property {'LIBTORCH' | 'LIBTORCH_USE_PYTORCH' | 'managed'} source the request that decided
 * @property {boolean} cuda true when it has a CUDA library
 * @property {string} [python] the interpreter whose torch this is, when there is one
 * @property {Attempt[]} attempts every attempt in order
 */

/** The version a LibTorch says it has, or undefined when `prefix` is not a LibTorch. @param {string} prefix */
export function libtorchVersion(prefix) {
  const file = join(prefix, 'share/cmake/Torch/TorchConfigVersion.cmake')
  if (!existsSync(file) || !existsSync(join(prefix, 'share/cmake/Torch/TorchConfig.cmake'))) return undefined
  return /PACKAGE_VERSION "([^"]+)"/.exec(readFileSync(file, 'utf8'))?.[1]
}

function probe(source, prefix, remedy) {
  const version = libtorchVersion(prefix)
  if (version) return { source, path: prefix, found: true, reason: `LibTorch ${version}` }
  const reason = existsSync(prefix) ? 'no share/cmake/Torch/TorchConfig.cmake in it' : 'no such folder'
  return { source, path: prefix, found: false, reason, remedy }
}

/** The torch package python3 on PATH would import; located without importing it, which takes seconds. */
function probePytorch(env) {
  const source = 'LIBTORCH_USE_PYTORCH'
  const remedy = `python3 -m pip install torch==${PINNED_LIBTORCH}`
  const code =
    "import importlib.util as u, sys\ns = u.find_spec('torch')\n" +
    "print(sys.executable)\nprint(s.submodule_search_locations[0] if s else '')"
  const result = spawnSync('python3', ['-c', code], { env, encoding: 'utf8' })
  if (result.error)
    return { source, found: false, reason: 'python3 is not on PATH', remedy: 'apt-get install -y python3' }
  const [python, prefix] = result.stdout.split('\n')
  if (result.status !== 0 || !prefix)
    return { source, path: python, found: false, reason: 'it has no torch package', remedy }
  return { ...probe(source, prefix, remedy), python }
}

/** site-packages/torch of the managed environment, or undefined. @param {string} venv */
export function managedTorch(venv) {
  const lib = join(venv, 'lib')
  if (!existsSync(lib)) return undefined
  const version = readdirSync(lib).find((name) => name.startsWith('python3'))
  const torch = version && join(lib, version, 'site-packages/torch')
  return torch && existsSync(torch) ? torch : undefined
}

/**
 * Finds LibTorch: LIBTORCH, then LIBTORCH_USE_PYTORCH=1, then the managed copy. An explicit request that fails ends the
 * search: another LibTorch than the one asked for must not slip in.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv }} options root is the package's folder
 * @returns {LibtorchResolution}
 */
export function resolveLibtorch({ root, env = process.env }) {
  const attempts = []
  const finish = (attempt) => {
    attempts.push(attempt)
    if (!attempt.found) return { source: attempt.source, cuda: false, attempts }
    const prefix = attempt.path
    return {
      prefix,
      version: libtorchVersion(prefix),
      source: attempt.source,
      cuda: existsSync(join(prefix, 'lib/libtorch_cuda.so')),
      python: attempt.python,
      attempts,
    }
  }
  if (env.LIBTORCH) {
    const remedy = 'set LIBTORCH to the folder that holds include/, lib/ and share/, or unset it'
    return finish(probe('LIBTORCH', env.LIBTORCH, remedy))
  }
  attempts.push({ source: 'LIBTORCH', found: false, reason: 'not set' })
  if (env.LIBTORCH_USE_PYTORCH === '1') return finish(probePytorch(env))
  attempts.push({ source: 'LIBTORCH_USE_PYTORCH', found: false, reason: 'not set to 1' })
  const venv = join(homeDirectory(root, env), 'venv')
  return finish({
    ...probe('managed', managedTorch(venv) ?? venv, SETUP),
    python: join(venv, 'bin/python'),
  })
}

/** One line per attempt, for error texts and the doctor. @param {Attempt[]} attempts */
export function describeAttempts(attempts) {
  return attempts
    .map(({ source, path, found, reason, remedy }) => {
      const fix = !found && remedy ? ` (fix: ${remedy})` : ''
      return `  - ${source}${path ? ` ${path}` : ''}: ${reason}${fix}`
    })
    .join('\n')
}

/**
 * The Python interpreter for the reference scripts: the one LIBTORCH_USE_PYTORCH names, else the managed one.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv }} options
 * @returns {string | undefined} undefined when neither exists
 */
export function referencePython({ root, env = process.env }) {
  if (env.LIBTORCH_USE_PYTORCH === '1') return 'python3'
  const python = join(homeDirectory(root, env), 'venv/bin/python')
  return existsSync(python) ? python : undefined
}
