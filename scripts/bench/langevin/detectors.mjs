// Microseconds per row scored by a fitted detector; the fit is timed once, in `fitSeconds`.
import { performance } from 'node:perf_hooks'
import { detectors, ood, tensor } from '../../../dist/index.js'
import { calibrated, options as process_, serveRows } from './trial.mjs'

const { threads } = process_
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())

/** Neighbouring columns are correlated (.6), so that no covariance is a diagonal. */
function rowsOf(count, columns) {
  const values = new Float32Array(count * columns)
  for (let at = 0; at < values.length; at++)
    values[at] = at % columns === 0 ? normal() : 0.6 * values[at - 1] + 0.8 * normal()
  return tensor(values, [count, columns])
}

await serveRows(async ({ kind, detector, columns, rows, seconds }) => {
  const training = rowsOf(rows, columns)
  const batch = rowsOf(rows, columns)
  const began = performance.now()
  const fitted = await ood.fit(detectors[kind](detector), training, { threads })
  const fitSeconds = (performance.now() - began) / 1000
  const run = async (count) => {
    const started = performance.now()
    for (let i = 0; i < count; i++) (await fitted.scores(batch, { threads })).dispose()
    return (performance.now() - started) / 1000
  }
  const count = await calibrated(run, seconds, 1)
  return {
    measure: async () => ({ value: ((await run(count)) / count / rows) * 1e6 }),
    info: { fitSeconds },
    end: () => {
      for (const each of [training, batch, fitted]) each.dispose()
    },
  }
})
