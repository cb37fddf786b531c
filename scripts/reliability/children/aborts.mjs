// Aborts jobs of every kind at random moments, and looks at what is there afterwards. argv: COUNT SEED. One process for all:
// what an abort leaves behind adds up.
import { createHash } from 'node:crypto'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import {
  data,
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
import { randomFrom } from '../lib/child.mjs'
import { scratch } from '../lib/scratch.mjs'

const [count, seed] = process.argv.slice(2).map(Number)
const random = randomFrom(seed)
const rows = data.toys.rings({ n: 2000, seed: 1 })
const probe = tensor(
  Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
  [32, 2],
)
const wide = tensor(
  Float32Array.from({ length: 80_000 }, (_, i) => Math.cos(i)),
  [40_000, 2],
)
const make = () => Energy.create(energies.mlp({ input: 2, hidden: [16] }), { seed: 1 })
const model = await make()

const hash = (values) =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex')
async function weights(energy) {
  const parameters = await energy.parameters()
  const parts = Object.keys(parameters)
    .sort()
    .map((name) => hash(parameters[name].toTypedArray()))
  for (const each of Object.values(parameters)) each.dispose()
  return parts.join()
}
async function answers(energy) {
  const found = await energy.energy(probe)
  const text = hash(found.toTypedArray())
  found.dispose()
  return text
}

const training = { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), batchSize: 64, seed: 3, threads: 1 }
const chains = objectives.persistentContrastiveDivergence({ sampler: samplers.langevin({ steps: 5, stepSize: 0.05 }) })
const STEPS = 400
/** Weights after every step of a run that nobody aborts: an aborted run must have one of these. */
async function everyStep(options) {
  const energy = await make()
  const known = new Map([[await weights(energy), 0]])
  const folder = options.folder
  const run = train(energy, rows, {
    ...options.train,
    steps: STEPS,
    checkpoint: { path: `${folder}/{step}.safetensors`, every: 1 },
  })
  for await (const event of run) {
    if (event.type !== 'checkpoint') continue
    const saved = await Energy.load(event.path)
    known.set(await weights(saved), event.step)
    saved.dispose()
  }
  await run.done
  energy.dispose()
  return known
}

const kinds = {
  langevin: (signal) =>
    sample(model, { sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }), chains: 64, signal }).done,
  hmc: (signal) => sample(model, { sampler: samplers.hmc({ steps: 1e9, stepSize: 0.1 }), chains: 16, signal }).done,
  nuts: (signal) => sample(model, { sampler: samplers.nuts({ steps: 1e6 }), chains: 4, signal }).done,
  score: (signal) => model.score(wide, { signal, threads: 1 }),
  fit: (signal) => ood.fit(detectors.knn({ rows: wide, k: 5 }), undefined, { signal }),
  queued: async (signal) => {
    const first = new AbortController()
    const run = sample(model, {
      sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }),
      chains: 8,
      threads: 1,
      signal: first.signal,
    })
    const ended = run.done.catch(() => undefined)
    const waiting = sample(model, { sampler: samplers.langevin({ steps: 10, stepSize: 0.01 }), chains: 8, signal }).done
    return waiting.finally(() => {
      first.abort()
      return ended
    })
  },
}
const trainings = {
  'train (score matching)': training,
  'train (persistent chains)': { ...training, objective: chains },
}

const folder = scratch('aborts')
const steps = {}
for (const [name, options] of Object.entries(trainings)) steps[name] = await everyStep({ folder, train: options })

const before = await answers(model)
const baseline = memoryStats()
const problems = []
const tally = {}
const wrong = (kind, text) => problems.push(`${kind}: ${text}`)

/** Aborts after a random number of turns of the event loop, or of milliseconds. */
async function abortSoon(controller, reason) {
  if (random() < 0.3) for (let n = Math.floor(random() * 20); n > 0; n--) await turn()
  else await sleep(random() ** 3 * 60)
  controller.abort(reason)
}

async function one(kind, start) {
  const controller = new AbortController()
  const reason = new Error(`abort of ${kind}`)
  const begun = start(controller.signal)
  const [, result] = await Promise.all([
    abortSoon(controller, reason),
    begun.then(
      (value) => ({ value }),
      (error) => ({ error }),
    ),
  ])
  if ('error' in result && result.error !== reason) wrong(kind, `rejected with ${result.error?.stack}`)
  tally[kind] ??= { aborted: 0, done: 0 }
  tally[kind]['error' in result ? 'aborted' : 'done']++
  for (const made of [result.value, result.value?.samples]) made?.dispose?.()
}

async function oneTraining(kind) {
  const energy = await make()
  await one(kind, (signal) => train(energy, rows, { ...trainings[kind], steps: STEPS, signal }).done)
  const at = steps[kind].get(await weights(energy))
  if (at === undefined) wrong(kind, 'the weights are those of no whole step')
  else if (at > 0 && at < STEPS) tally[kind].between = (tally[kind].between ?? 0) + 1
  await answers(energy)
  energy.dispose()
}

const names = [...Object.keys(kinds), ...Object.keys(trainings)]
for (let i = 0; i < count; i++) {
  const kind = names[Math.floor(random() * names.length)]
  if (kind in kinds) await one(kind, kinds[kind])
  else await oneTraining(kind)
  if ((await answers(model)) !== before) wrong(kind, 'the energies of the model have changed')
  if (i % 100 === 99) process.send?.({ said: `${i + 1} aborts, ${problems.length} problems` })
}
for (let i = 0; i < 20; i++) {
  gc()
  await sleep(10)
}
const { tensors, energies: models, jobsQueued, jobsRunning } = memoryStats()
const left = { tensors: tensors - baseline.tensors, models: models - baseline.energies, jobsQueued, jobsRunning }
const result = { problems: problems.slice(0, 10), wrong: problems.length, tally, left }
if (process.send) process.send({ result })
else console.log(JSON.stringify(result, null, 1))
if (process.connected) process.disconnect()
