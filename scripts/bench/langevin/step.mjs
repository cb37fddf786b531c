// Microseconds per Langevin step of all chains, timed inside the native job; and what one call of `sample` costs beside its steps.
import { performance } from 'node:perf_hooks'
import { Energy, sample, samplers } from '../../../dist/index.js'
import { median } from '../lib/statistics.mjs'
import { specOf } from './energies.mjs'
import { options, orUnsupported, serve } from './trial.mjs'

const { energy, chains, steps, threads, precision, stepSize = 0.001 } = options
const model = await Energy.create(specOf(energy), { seed: 1 })
const run = async (count) => {
  const sampler = samplers.langevin({ steps: count, stepSize, ...(precision && { precision }) })
  const call = { sampler, chains, threads, seed: 1, diagnostics: false } // no peer computes diagnostics
  const began = performance.now()
  const result = await sample(model, call).done
  const seconds = (performance.now() - began) / 1000
  for (const tensor of [result.samples, result.energy]) tensor.dispose()
  return { seconds, native: result.seconds, executor: result.executor }
}

/** t(n) = overhead + n s, so overhead = 2 t(n) - t(2n), in microseconds, on the caller's clock. */
async function overhead() {
  const n = Math.max(1, Math.min(10, Math.floor(steps / 40)))
  const one = []
  const two = []
  for (let i = 0; i < 15; i++) {
    one.push((await run(n)).seconds)
    two.push((await run(2 * n)).seconds)
  }
  return (2 * median(one) - median(two)) * 1e6
}

const { executor } = await orUnsupported(() => run(steps))
await serve(
  async () => {
    const { native, seconds } = await run(steps)
    return { value: (native / steps) * 1e6, wholeCall: (seconds / steps) * 1e6 }
  },
  { executor, callMicroseconds: await overhead() },
)
