/** Runs the Python reference scripts. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { homeDirectory } from '../../scripts/setup/paths.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The Python whose PyTorch the reference numbers come from: the project's own, or the one that holds our LibTorch. */
export function pythonPath(): string {
  const { LIBTORCH, LIBTORCH_USE_PYTORCH } = process.env
  // LIBTORCH may point into a PyTorch package: <prefix>/lib/python3.x/site-packages/torch.
  const prefix = LIBTORCH?.match(/^(.*)\/lib\/python3[^/]*\/(?:site|dist)-packages\/torch\/?$/)?.[1]
  const candidates = [
    ...(LIBTORCH_USE_PYTORCH === '1' ? ['python3'] : []),
    join(homeDirectory(root), 'venv', 'bin', 'python'),
    ...(prefix === undefined ? [] : [join(prefix, 'bin', 'python')]),
  ]
  const found = candidates.find((candidate) => candidate === 'python3' || existsSync(candidate))
  if (found === undefined) {
    throw new Error(`no Python with PyTorch: tried ${candidates.join(', ')}. Run: npm run setup`)
  }
  return found
}

/** Why a Python module cannot be imported here, or undefined. */
export function missingModule(name: string): string | undefined {
  const find = `import importlib.util as u, sys; sys.exit(u.find_spec('${name}') is None)`
  return spawnSync(pythonPath(), ['-c', find]).status === 0 ? undefined : `${name} is not installed in ${pythonPath()}`
}

/**
 * Runs scripts/reference/<script> with a JSON request on standard input and returns its JSON answer. One thread, so
 * that the numbers do not depend on the machine. Put every case of a test file in one request: importing torch takes
 * seconds.
 */
export function reference<T>(script: string, request: unknown): T {
  return ask<T>(`scripts/reference/${script}`, request)
}

/** As `reference`, for a script anywhere in the repository. */
export function ask<T>(script: string, request: unknown): T {
  const executable = pythonPath()
  const result = spawnSync(executable, [join(root, script)], {
    input: JSON.stringify(request),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1', JAX_PLATFORMS: 'cpu' },
  })
  if (result.error) throw result.error
  if (result.status !== 0) {
    const remedy = /No module named '?(torch|numpy)/.test(result.stderr)
      ? ` ${executable} cannot import torch. Run: npm run setup`
      : ''
    throw new Error(`${script} failed (${result.status ?? result.signal}).${remedy}\n${result.stderr}`)
  }
  return JSON.parse(result.stdout) as T
}
