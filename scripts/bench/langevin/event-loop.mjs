// How long the event loop waits while a model trains: delay beyond the timer's own period, in milliseconds.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { data, Energy, energies, objectives, samplers, train } from '../../../dist/index.js'
import { options, serve } from './trial.mjs'

const { steps } = options
const rows = data.toys.rings({ n: 10_000, seed: 1 })
const objective = objectives.persistentContrastiveDivergence({
  sampler: samplers.langevin({ steps: 20, stepSize: 0.01 }),
})
const start = async (count) => {
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [128, 128], gaussianBase: 2 }), { seed: 1 })
  return train(model, rows, { objective, steps: count, batchSize: 256 })
}

await (await start(20)).done
await serve(async () => {
  const run = await start(steps)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const began = performance.now()
  let events = 0
  for await (const event of run) if (event.type === 'progress') events += 1
  await run.done
  const seconds = (performance.now() - began) / 1000
  delay.disable()
  // The histogram counts the timer's own period of 1 ms.
  const beyond = (percentile) => Math.max(0, delay.percentile(percentile) / 1e6 - 1)
  return { value: beyond(99), p50: beyond(50), max: delay.max / 1e6 - 1, stepsPerSecond: steps / seconds, events }
})
