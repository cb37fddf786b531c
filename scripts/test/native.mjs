// ctest. An entry is a file of native/tests; the executable prints how many tests of it passed, and that is what counts.
import { join } from 'node:path'
import { compilesAtOnce } from '../setup/native.mjs'
import { capture } from './process.mjs'

/** Sums the counts the test executable printed. @param {string} text ctest's verbose output */
export function countTests(text) {
  let passed = 0
  let failed = 0
  for (const match of text.matchAll(/langevin-tests: (\d+) passed, (\d+) failed/g)) {
    passed += Number(match[1])
    failed += Number(match[2])
  }
  return { passed, failed }
}

/**
 * Builds the native tests in a configured build folder and runs them.
 *
 * @param {string} root
 * @param {{ build?: string, env?: NodeJS.ProcessEnv, name?: string }} [options]
 */
export async function runNative(root, { build = join(root, 'build'), env = process.env, name = 'ctest' } = {}) {
  const buildEnv = { CMAKE_BUILD_PARALLEL_LEVEL: compilesAtOnce(), ...env }
  const made = await capture('cmake', ['--build', build, '--target', 'langevin_core_tests'], {
    cwd: root,
    env: buildEnv,
  })
  if (made.status !== 0) return [{ name, passed: 0, failed: 1, note: 'the tests do not compile' }]
  const args = ['--test-dir', build, '--verbose', '--no-tests=error', '--timeout', '1800']
  const { status, text } = await capture('ctest', args, { cwd: root, env, quiet: true })
  for (const line of text.split('\n')) {
    if (/FAILED|Failed|\*\*\*|ERROR|SUMMARY|WARNING: ThreadSanitizer|^\d+: {3}/.test(line)) console.log(line)
  }
  const counts = countTests(text)
  // A crash or a sanitizer report prints no count of its own.
  if (status !== 0 && counts.failed === 0) counts.failed = 1
  return [{ name, ...counts }]
}
