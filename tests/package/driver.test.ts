/** The test driver: how it counts and what it prints. */
import { describe, expect, it } from 'vitest'

const part = (name: string) => import(new URL(`../../scripts/test/${name}.mjs`, import.meta.url).href)
const { countTests } = await part('native')
const { countReport } = await part('vitest')

describe('the test driver', () => {
  it('sums what the native executables print', () => {
    const text =
      '1: ok a.b\n1: langevin-tests: 3 passed, 0 failed\n2: FAILED c.d\n2: langevin-tests: 1 passed, 1 failed\n'
    expect(countTests(text)).toEqual({ passed: 4, failed: 1 })
    expect(countTests('Segmentation fault')).toEqual({ passed: 0, failed: 0 })
  })

  it('counts a test file that broke before its tests as a failure', () => {
    const report = {
      numPassedTests: 5,
      numFailedTests: 1,
      numPendingTests: 2,
      testResults: [
        { status: 'passed', assertionResults: [{ status: 'passed' }] },
        { status: 'failed', assertionResults: [{ status: 'failed' }] },
        { status: 'failed', assertionResults: [] },
      ],
    }
    expect(countReport(report)).toEqual({ passed: 5, failed: 2, skipped: 2 })
  })
})
