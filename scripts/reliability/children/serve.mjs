// The server of the soak, in a process of its own. argv: JSON { mode, training, maxQueue, width }. mode "model": langevin's routes
// as they are; "constant": the same server, routes and checks, with the native call replaced by a constant; "onnx": replaced by
// onnxruntime-node, which runs the model that exportOnnx() wrote, with its defaults. It answers messages: 'measure' begins to watch the event loop, 'told' gives what was seen.
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { data, Energy, energies, objectives, samplers, train } from '../../../dist/index.js'
import { Scorer } from '../../../dist/serve/scorer.js'
import { startServer } from '../../../dist/serve/server.js'
import { scratch } from '../lib/scratch.mjs'

const { mode, training, maxQueue = 1024, hidden = [256, 256], input = 784 } = JSON.parse(process.argv[2])
if (mode === 'constant') {
  // Everything but the native call: rows are parsed and checked, an answer of the same size is made.
  Scorer.prototype.score = async (rows) => new Float64Array(rows.length ?? rows.shape[0]).fill(123.456789)
}
const model = await Energy.create(energies.mlp({ input, hidden, gaussianBase: 2 }), { seed: 1 })
const path = join(scratch('soak'), 'm.safetensors')
await model.save(path)
if (mode === 'onnx') {
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const exported = join(scratch('soak'), 'm.onnx')
  await model.exportOnnx(exported)
  const session = await InferenceSession.create(exported)
  const [name] = session.inputNames
  Scorer.prototype.score = async (rows) => {
    const values = rows.data ?? rows.flat()
    const x = new Tensor('float32', Float32Array.from(values), [values.length / input, input])
    const { energy } = await session.run({ [name]: x }, ['energy'])
    return Float64Array.from(energy.data)
  }
}
model.dispose()
const server = await startServer({ models: { m: path }, port: 0, logLevel: 'silent', maxQueue })

/** A training run as a service might have one beside it: persistent chains, on one thread, for as long as it takes. */
async function trainBeside() {
  const energy = await Energy.create(energies.mlp({ input: 2, hidden: [128, 128], gaussianBase: 2 }), { seed: 1 })
  const objective = objectives.persistentContrastiveDivergence({
    sampler: samplers.langevin({ steps: 10, stepSize: 0.05 }),
  })
  return train(energy, data.toys.rings({ n: 4000, seed: 1 }), {
    objective,
    steps: 1e9,
    batchSize: 256,
    threads: 1,
    seed: 1,
  })
}
const run = training ? await trainBeside() : undefined
run?.done.catch(() => undefined)

const delay = monitorEventLoopDelay({ resolution: 1 })
let peak = 0
let cpu = process.cpuUsage()
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
}, 100).unref()
process.on('message', async (message) => {
  if (message === 'measure') {
    delay.reset()
    delay.enable()
    peak = 0
    cpu = process.cpuUsage()
  } else if (message === 'told') {
    delay.disable()
    const [loopP50, loopP99] = [50, 99].map((q) => delay.percentile(q) / 1e6)
    const { user, system } = process.cpuUsage(cpu)
    const cpuSeconds = (user + system) / 1e6
    process.send({
      told: { cpuSeconds, loopP50, loopP99, rssMiB: process.memoryUsage.rss() / 2 ** 20, peakMiB: peak / 2 ** 20 },
    })
  } else if (message === 'end') {
    run?.abort()
    await server.close()
    process.exit(0)
  }
})
process.send({ url: server.url })
