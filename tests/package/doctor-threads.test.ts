/** doctor() shows the threads a job would use: the limit of the control group counts before it asks the addon anything. */
import { availableParallelism } from 'node:os'
import { expect, it, vi } from 'vitest'
import { doctor } from '../../src/doctor/index.js'

// A quota of one processor, which only the first question to the addon of a process can settle: so a file of its own.
vi.mock('../../src/native/machine.js', async (original) => {
  const machine = await original<typeof import('../../src/native/machine.js')>()
  const limitThreads: typeof machine.limitThreads = (addon) => machine.limitThreads(addon, 1)
  return { ...machine, limitThreads }
})

it.skipIf(availableParallelism() < 2)('settles the pool at what the quota allows', async () => {
  vi.stubEnv('LANGEVIN_THREADS', undefined)
  const { threads } = await doctor()
  vi.unstubAllEnvs()
  expect(threads.pool).toBe(1)
})
