// One way to use memory, many times over, in a process of its own. argv: SCENARIO COUNT. RSS is looked at when a quarter has
// been done, and at the end; both times after the collector has run.
import { copyFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createScorer,
  detectors,
  Energy,
  energies,
  memoryStats,
  objectives,
  ood,
  sample,
  samplers,
  tensor,
  train,
} from '../../../dist/index.js'
import { Service } from '../../../dist/serve/service.js'
import { randomFrom } from '../lib/child.mjs'
import { scratch } from '../lib/scratch.mjs'

const [scenario, count] = [process.argv[2], Number(process.argv[3])]
const random = randomFrom(1)
const small = () => Energy.create(energies.mlp({ input: 8, hidden: [32, 32] }), { seed: 1 })
const rows = tensor(
  Float32Array.from({ length: 8 * 256 }, (_, i) => Math.sin(i)),
  [256, 8],
)

async function createDispose() {
  return async () => {
    const model = await small()
    ;(await model.energy(rows)).dispose()
    model.dispose()
  }
}

/** Nothing is disposed: the collector finds models, tensors and results by itself, asked for now and then. */
async function createDrop() {
  let n = 0
  return async () => {
    const model = await small()
    await model.energy(rows)
    tensor(new Float32Array(4096))
    if (++n % 500 === 0) {
      gc()
      await sleep(5)
    }
  }
}

async function abortedRuns() {
  const model = await small()
  const objective = objectives.persistentContrastiveDivergence({
    sampler: samplers.langevin({ steps: 5, stepSize: 0.05 }),
  })
  return async () => {
    const controller = new AbortController()
    const { signal } = controller
    const run =
      random() < 0.5
        ? sample(model, { sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }), chains: 64, signal })
        : train(model, rows, { objective, steps: 1e9, batchSize: 64, seed: 1, signal })
    setTimeout(() => controller.abort(), random() * 20)
    await run.done.then(
      () => undefined,
      () => undefined,
    )
  }
}

async function hotReloads() {
  const folder = scratch('reloads')
  const [given, served] = [join(folder, 'given.safetensors'), join(folder, 'served.safetensors')]
  const fitted = await ood.fit(detectors.knn({ k: 5 }), rows, { heldOut: 0.3 })
  await fitted.save(given)
  fitted.dispose()
  copyFileSync(given, served)
  const service = await Service.open({ models: { a: served } })
  const row = [Array(8).fill(0.5)]
  return async () => {
    copyFileSync(given, `${served}.new`)
    renameSync(`${served}.new`, served)
    const [model] = await Promise.all([service.models.reload('a'), service.models.find('a').scorer.score(row)])
    await model.scorer.score(row)
  }
}

async function scoreCalls() {
  const model = await small()
  const fitted = await ood.fit(detectors.energy(model))
  const scorer = createScorer(fitted, { maxBatch: 64, maxQueue: 100_000 })
  const sizes = Array.from({ length: 40 }, (_, k) => 1 + ((k * k) % 61))
  const batches = sizes.map((n) =>
    Array.from({ length: n }, (_, i) => Array.from({ length: 8 }, (_, k) => Math.sin(i + k))),
  )
  return async () => {
    // A hundred callers at a time.
    await Promise.all(Array.from({ length: 100 }, () => scorer.score(batches[Math.floor(random() * 40)])))
  }
}

const scenarios = { createDispose, createDrop, abortedRuns, hotReloads, scoreCalls }
const mib = async () => {
  for (let k = 0; k < 6; k++) {
    gc()
    await sleep(20)
  }
  return process.memoryUsage.rss() / 2 ** 20
}
const step = await scenarios[scenario]()
const begun = performance.now()
let warm
for (let i = 0; i < count; i++) {
  await step()
  if (i === Math.floor(count / 4)) warm = await mib()
}
const seconds = (performance.now() - begun) / 1000
const end = await mib()
const { tensors, energies: models, jobsQueued, jobsRunning } = memoryStats()
process.send(
  { result: { warm, end, growth: end / warm - 1, seconds, left: { tensors, models, jobsQueued, jobsRunning } } },
  () => process.exit(0),
)
