// vitest, counted from its JSON report.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWasm, missingToolchain } from '../build-wasm.mjs'
import { capture } from './process.mjs'

/** Counts a vitest JSON report: tests, and test files that failed before any of their tests ran. */
export function countReport(report) {
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles, skipped: report.numPendingTests }
}

/** The module of langevin/scorer/wasm, of these sources; its tests are skipped, and say so, where no compiler for it is there. */
async function provideWasm(root) {
  const problem = missingToolchain()
  if (problem) return console.log(`scorer.wasm is not built, its tests are skipped: ${problem}`)
  await buildWasm(join(root, 'dist/scorer/scorer.wasm'))
}

/** @param {string} root */
export async function runVitest(root) {
  const require = createRequire(join(root, 'package.json'))
  const folder = mkdtempSync(join(tmpdir(), 'langevin-vitest-'))
  const file = join(folder, 'report.json')
  const cli = join(require.resolve('vitest/package.json'), '../vitest.mjs')
  const args = [cli, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  try {
    await provideWasm(root)
    const { status } = await capture(process.execPath, args, { cwd: root })
    const { passed, failed, skipped } = countReport(JSON.parse(readFileSync(file, 'utf8')))
    // An unhandled error outside a test fails the run but no test.
    const extra = status !== 0 && failed === 0 ? 1 : 0
    return [{ name: 'vitest', passed, failed: failed + extra, note: skipped ? `${skipped} skipped` : undefined }]
  } catch (error) {
    return [{ name: 'vitest', passed: 0, failed: 1, note: error.message }]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
