// A training run, timed inside the native job. `per`: 'step' (milliseconds a step) or 'run' (seconds for all of them).
import { performance } from 'node:perf_hooks'
import { Energy, train } from '../../../dist/index.js'
import { options, orUnsupported, serve } from './trial.mjs'

const { energy, objective, batch, steps, threads, per } = options

/** Box-Muller rows, columns independent; what the rows are is nothing to the clock. */
function rowsOf(n, columns) {
  const values = new Float32Array(n * columns)
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
  }
  return { data: values, shape: [n, columns] }
}

const columns = energy.input + (['regressor', 'mixtureDensity'].includes(energy.kind) ? 1 : 0)
const x = rowsOf(10_000, columns)
if (energy.kind === 'rbm') x.data = x.data.map((v) => Number(v > 0))
const labels = () => ({
  data: BigInt64Array.from({ length: 10_000 }, (_, i) => BigInt(i % energy.classes)),
  shape: [10_000],
})
/** A ladder of noise levels gives the condition itself. */
function sourceOf() {
  if (energy.classes !== undefined) return { x, y: labels() }
  if (energy.condition === undefined || objective.kind === 'denoisingScoreMatching') return x
  return { x, y: rowsOf(10_000, energy.condition) }
}
const source = sourceOf()
const model = await Energy.create(energy, { seed: 1 })
const run = (count) => train(model, source, { objective, steps: count, batchSize: batch, threads, seed: 1 }).done

await orUnsupported(() => run(Math.max(2, Math.min(20, Math.ceil(steps / 4)))))
await serve(async () => {
  const began = performance.now()
  const { seconds } = await run(steps)
  const whole = (performance.now() - began) / 1000
  return per === 'run'
    ? { value: seconds, wholeCall: whole }
    : { value: (seconds / steps) * 1000, wholeCall: (whole / steps) * 1000 }
})
