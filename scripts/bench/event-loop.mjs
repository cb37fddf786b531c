// One trial in a process of its own: how long the event loop waits while a model trains. Prints one line of JSON.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { data, Energy, energies, objectives, samplers, train } from '../../dist/index.js'

const { steps } = JSON.parse(process.argv[2])
const model = await Energy.create(energies.mlp({ input: 2, hidden: [128, 128], gaussianBase: 2 }), { seed: 1 })
const rows = data.toys.rings({ n: 10_000, seed: 1 })
const run = train(model, rows, {
  objective: objectives.persistentContrastiveDivergence({ sampler: samplers.langevin({ steps: 20, stepSize: 0.01 }) }),
  steps,
  batchSize: 256,
})
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const started = performance.now()
let events = 0
for await (const event of run) if (event.type === 'progress') events += 1
await run.done
const seconds = (performance.now() - started) / 1000
delay.disable()
// The histogram counts the timer's own period of 1 ms.
const beyond = (percentile) => Math.max(0, delay.percentile(percentile) / 1e6 - 1)
console.log(
  JSON.stringify({
    p50: beyond(50),
    p99: beyond(99),
    max: delay.max / 1e6 - 1,
    stepsPerSecond: steps / seconds,
    events,
  }),
)
