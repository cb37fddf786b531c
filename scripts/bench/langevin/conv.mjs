// Milliseconds per Langevin step of all chains of a conv energy; with `batch`: per training step of the network as a classifier.
// Timed inside the native job.
import { Energy, energies, networks, objectives, optimizers, sample, samplers, train } from '../../../dist/index.js'
import { options, serve } from './trial.mjs'

const { energy, chains, batch, classes, steps, threads, precision, stepSize = 0.001 } = options
const { kind, input, ...network } = energy

async function sampling() {
  const model = await Energy.create(energies[kind](energy), { seed: 1 })
  const run = async (count) => {
    const sampler = samplers.langevin({ steps: count, stepSize, ...(precision && { precision }) })
    const result = await sample(model, { sampler, chains, threads, seed: 1, diagnostics: false }).done
    for (const tensor of [result.samples, result.energy]) tensor.dispose()
    return result
  }
  return { run, executor: (await run(2)).executor }
}

async function training() {
  const model = await Energy.create(energies.classifier({ input, classes, network: networks.conv(network) }), {
    seed: 1,
  })
  const width = input.reduce((a, b) => a * b)
  const x = { data: new Float32Array(4096 * width).map(Math.random), shape: [4096, width] }
  const y = { data: BigInt64Array.from({ length: 4096 }, (_, i) => BigInt(i % classes)), shape: [4096] }
  const recipe = {
    objective: objectives.crossEntropy(),
    optimizer: optimizers.adam({ lr: 1e-3 }),
    batchSize: batch,
    threads,
  }
  const run = (count) => train(model, { x, y }, { ...recipe, steps: count, seed: 1 }).done
  await run(2)
  return { run, executor: model.explain().executor }
}

const { run, executor } = batch === undefined ? await sampling() : await training()
await serve(async () => ({ value: ((await run(steps)).seconds / steps) * 1000 }), { executor })
