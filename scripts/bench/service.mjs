#!/usr/bin/env node
// What a service asks: scores of one row by fitted detectors beside detectors that are fitted on every call; and energy() while
// the same process trains, with what that costs the training. Medians, in turns. Load and machine go into the file.
//
//   node scripts/bench/service.mjs [--rounds 7] [--out FILE]
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { data, detectors, Energy, energies, objectives, ood, samplers, tensor, train } from '../../dist/index.js'
import { commandLine } from '../setup/arguments.mjs'
import { commit, machine } from './lib/machine.mjs'
import { root } from './lib/peers.mjs'

const { values } = commandLine(import.meta.url, {
  options: { rounds: { type: 'string', default: '7' }, out: { type: 'string' } },
})
const rounds = Number(values.rounds)
const quantile = (numbers, q) =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(q * numbers.length))]
const short = (v) => Number(v.toPrecision(3))

async function milliseconds(call) {
  const begin = performance.now()
  const made = await call()
  const took = performance.now() - begin
  made.dispose()
  return took
}

/** One row of 30 columns against 20,000 training rows, ms per call. */
async function fitted() {
  const columns = 30
  const normal = (i, k) => Math.sin(1.3 * i + k) + Math.cos(0.7 * i * (k + 1))
  const rows = tensor(
    Float32Array.from({ length: 20_000 * columns }, (_, i) => normal(Math.floor(i / columns), i % columns)),
    [20_000, columns],
  )
  const row = rows.index([0])
  const make = (seed) => Energy.create(energies.mlp({ input: columns, hidden: [64, 64], gaussianBase: 2 }), { seed })
  const models = await Promise.all([1, 2, 3].map(make))
  const kinds = {
    energy: detectors.energy(models[0]),
    averagedEnergy: detectors.averagedEnergy({ models, rows }),
    mahalanobis: detectors.mahalanobis({ rows }),
    knn: detectors.knn({ rows, k: 5 }),
  }
  const result = {}
  for (const [name, detector] of Object.entries(kinds)) {
    const once = await ood.fit(detector)
    const [every, kept] = [[], []]
    for (let i = 0; i < 20 * rounds; ++i) {
      every.push(await milliseconds(() => ood.scores(detector, row)))
      kept.push(await milliseconds(() => once.scores(row)))
    }
    result[name] = { fittedOnEveryCall: short(quantile(every, 0.5)), fittedOnce: short(quantile(kept, 0.5)) }
  }
  return result
}

/** Steps per second of PCD with one thread, 2-128-128-1, batch 256, ten Langevin steps; `meanwhile` is asked until it has ended. */
async function training(meanwhile) {
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [128, 128], gaussianBase: 2 }), { seed: 1 })
  const objective = objectives.persistentContrastiveDivergence({
    sampler: samplers.langevin({ steps: 10, stepSize: 0.05 }),
  })
  const run = train(model, data.toys.rings({ n: 4000, seed: 1 }), { objective, steps: 600, batchSize: 256, threads: 1 })
  let ended = false
  const done = run.done.finally(() => {
    ended = true
  })
  const times = meanwhile ? await meanwhile(() => ended) : []
  const { steps, seconds } = await done
  model.dispose()
  return { rate: steps / seconds, times }
}

async function serving() {
  const served = await Energy.create(energies.mlp({ input: 2, hidden: [64, 64], gaussianBase: 2 }), { seed: 2 })
  const paced = async (ended) => {
    const times = []
    while (!ended()) {
      times.push(await milliseconds(() => served.energy([[0.5, -1]], { threads: 1 })))
      await pause(5)
    }
    return times
  }
  const [alone, beside, times] = [[], [], []]
  for (let i = 0; i < rounds; ++i) {
    alone.push((await training()).rate)
    const both = await training(paced)
    beside.push(both.rate)
    times.push(...both.times)
  }
  return {
    calls: times.length,
    energyP50: short(quantile(times, 0.5)),
    energyP99: short(quantile(times, 0.99)),
    stepsPerSecondAlone: short(quantile(alone, 0.5)),
    stepsPerSecondBeside: short(quantile(beside, 0.5)),
    slower: short(
      quantile(
        alone.map((rate, i) => rate / beside[i] - 1),
        0.5,
      ),
    ),
  }
}

const load = { before: loadavg() }
const report = {
  bench: 'service',
  date: new Date().toISOString().slice(0, 10),
  commit: commit(root),
  command: `node scripts/bench/service.mjs --rounds ${rounds}`,
  machine: machine(),
  node: process.version,
  oneRowMilliseconds: await fitted(),
  whileTrainingMilliseconds: await serving(),
  load: { ...load, after: loadavg() },
}
console.log(JSON.stringify({ ...report, machine: undefined }, null, 1))
if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`)
