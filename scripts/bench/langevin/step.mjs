// Microseconds per Langevin step of all chains, timed inside the native job; and what one call of `sample` costs beside its steps.
// `call`: 'bare' (no diagnostics), 'default', 'read' (default, and R-hat is read).
import { performance } from 'node:perf_hooks'
import { Energy, energies, sample, samplers } from '../../../dist/index.js'
import { median } from '../lib/statistics.mjs'
import { specOf } from './energies.mjs'
import { options, orUnsupported, serve } from './trial.mjs'

const { energy, chains, steps, threads, precision, stepSize = 0.001, keep, call = 'bare' } = options
/** With `call` or `keep` the whole call counts. */
const whole = options.call !== undefined || keep !== undefined
const model = await Energy.create(specOf(energy, energies), { seed: 1 })
const run = async (count) => {
  const sampler = samplers.langevin({ steps: count, stepSize, ...(precision && { precision }) })
  const bare = call === 'bare' ? { diagnostics: false } : {} // no peer computes diagnostics
  const began = performance.now()
  const result = await sample(model, { sampler, chains, threads, seed: 1, ...bare, ...(keep && { keep }) }).done
  if (call === 'read') void result.diagnostics.rhat
  const seconds = (performance.now() - began) / 1000
  const { mean, variance, covariance } = result.moments ?? {}
  for (const tensor of [result.samples, result.energy, mean, variance, covariance]) tensor?.dispose()
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

const { executor } = await orUnsupported(() => run(whole ? Math.min(steps, 100) : steps))
await serve(
  async () => {
    const { native, seconds } = await run(steps)
    const wholeCall = (seconds / steps) * 1e6
    return { value: whole ? wholeCall : (native / steps) * 1e6, wholeCall }
  },
  { executor, ...(!whole && { callMicroseconds: await overhead() }) },
)
