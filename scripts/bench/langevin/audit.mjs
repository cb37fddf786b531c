// Microseconds of an evaluation, a step or a call, for every row of the cases energies, layers, samplers and call-cost.
import { performance } from 'node:perf_hooks'
import { Energy, energies, sample, tensor } from '../../../dist/index.js'
import { specOf } from './energies.mjs'
import { calibrated, options as process_, serveRows } from './trial.mjs'

const { threads } = process_

/** A gradient without noise: the heuristic form moves down it. */
const DESCENT = { kind: 'langevin', form: 'heuristic', noise: 0, stepSize: 1e-6 }

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())

/** Normal numbers, or states of the energy: what they are is nothing to the clock. */
function rowsOf({ states = 'real', columns, rows, energy, dtype = 'float32' }) {
  const data = new Float64Array(rows * columns).map(normal)
  const real = { real: columns, mixed: energy.states?.[0]?.columns ?? 0 }[states] ?? 0
  const { levels = 1 } = energy
  for (let at = 0; at < data.length; at += columns) {
    for (let j = real; j < columns; j++) data[at + j] = data[at + j] > 0 ? 1 : states === 'spin' ? -1 : 0
    if (states === 'levels') {
      data.fill(0, at, at + columns)
      for (let j = 0; j < columns; j += levels) data[at + j + Math.floor(Math.random() * levels)] = 1
    }
  }
  return tensor(data, [rows, columns], dtype)
}

function conditionOf({ classes, condition, rows, dtype = 'float32' }) {
  if (classes !== undefined)
    return tensor(
      BigInt64Array.from({ length: rows }, (_, i) => BigInt(i % classes)),
      [rows],
    )
  if (condition === undefined) return undefined
  return tensor(new Float64Array(rows * condition).map(normal), [rows, condition], dtype)
}

/** Steps of all chains inside the native job; `nuts` by the leapfrog. */
function byLoop(model, { sampler = DESCENT, levels = 1 }, x, y) {
  return async (count) => {
    const steps = sampler.kind === 'annealedLangevin' ? { stepsPerLevel: Math.ceil(count / levels) } : { steps: count }
    const call = { sampler: { ...sampler, ...steps }, init: x, threads, seed: 1, diagnostics: false }
    const result = await sample(model, { ...call, ...(y && { y }) }).done
    for (const t of [result.samples, result.energy]) t.dispose()
    const done = sampler.kind === 'annealedLangevin' ? steps.stepsPerLevel * levels : count
    return (result.seconds / done / (result.diagnostics.leapfrogSteps ?? 1)) * count
  }
}

/** Calls by the caller's clock. */
function byCall(call) {
  return async (count) => {
    const began = performance.now()
    for (let i = 0; i < count; i++) (await call()).dispose()
    return (performance.now() - began) / 1000
  }
}

/** `sample()` beyond its steps: the median of 2 t(n) - t(2n) on the caller's clock, each a difference that one slow call turns over. */
function beyondSteps(model, { sampler, steps, diagnostics }, x) {
  const timed = async (count) => {
    const call = { sampler: { ...sampler, steps: count }, init: x, threads, seed: 1, diagnostics }
    const began = performance.now()
    const result = await sample(model, call).done
    const seconds = (performance.now() - began) / 1000
    for (const t of [result.samples, result.energy]) t.dispose()
    return seconds
  }
  return async (count) => {
    const beyond = []
    for (let i = 0; i < count; i++) beyond.push(2 * (await timed(steps)) - (await timed(2 * steps)))
    return beyond.sort((a, b) => a - b)[count >> 1] * count
  }
}

function runOf(model, o, x, y) {
  const options = { threads, ...(y && { y }) }
  const calls = {
    // As a user calls them: a call with options goes through the queue.
    score: () => (y ? model.score(x, options) : model.score(x)),
    energy: () => (y ? model.energy(x, options) : model.energy(x)),
    energySync: () => model.energySync(x),
    scoreSync: () => model.scoreSync(x),
  }
  if (o.by === 'loop') return byLoop(model, o, x, y)
  return o.by === 'sample' ? beyondSteps(model, o, x) : byCall(calls[o.by])
}

async function prepare(o) {
  const model = await Energy.create(specOf(o.energy, energies), { seed: 1, ...(o.dtype && { dtype: o.dtype }) })
  const x = rowsOf(o)
  const y = conditionOf(o)
  const run = runOf(model, o, x, y)
  // The difference of two times is no measure of how long a trial takes.
  const steps =
    o.by === 'sample' ? Math.max(3, Math.ceil(o.milliseconds / 4)) : await calibrated(run, o.milliseconds / 1000)
  if (o.by === 'sample') await run(3)
  const { executor } = model.explain()
  return {
    measure: async () => ({ value: ((await run(steps)) / steps) * 1e6 }),
    info: { steps, executor },
    end() {
      for (const each of [x, y, model]) each?.dispose()
    },
  }
}

await serveRows(prepare)
