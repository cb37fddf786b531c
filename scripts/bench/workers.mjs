#!/usr/bin/env node
// Calls per second of worker threads that score, each with a model of its own: energy() of 8 rows of 784-256-256-1, which goes
// through the queue of the device, and of one row of 2-64-64-1, which is computed at once. In turns; medians.
//
//   LANGEVIN_THREADS=1 node scripts/bench/workers.mjs [--workers 1,2,4] [--seconds 1] [--rounds 5] [--out FILE]
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Energy, energies } from '../../dist/index.js'
import { commandLine } from '../setup/arguments.mjs'
import { commit, machine } from './lib/machine.mjs'
import { root } from './lib/peers.mjs'

const MODELS = {
  '8 rows of 784-256-256-1': { input: 784, hidden: [256, 256], rows: 8 },
  'one row of 2-64-64-1': { input: 2, hidden: [64, 64], rows: 1 },
}

/** In a worker: says it is ready, then counts calls for so many milliseconds whenever it is asked. */
async function work({ input, hidden, rows }) {
  const model = await Energy.create(energies.mlp({ input, hidden, gaussianBase: 2 }), { seed: 1 })
  const x = new Float32Array(rows * input).map((_, i) => Math.sin(i))
  const batch = Array.from({ length: rows }, (_, r) => [...x.subarray(r * input, (r + 1) * input)])
  const call = async () => (await model.energy(batch)).dispose()
  await call()
  parentPort.on('message', async (milliseconds) => {
    if (milliseconds === 0) {
      model.dispose()
      return parentPort.close()
    }
    const end = performance.now() + milliseconds
    let calls = 0
    for (; performance.now() < end; ++calls) await call()
    parentPort.postMessage(calls)
  })
  parentPort.postMessage('ready')
}

const next = (worker) =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })

async function rate(model, count, seconds) {
  const workers = Array.from({ length: count }, () => new Worker(new URL(import.meta.url), { workerData: model }))
  await Promise.all(workers.map(next))
  const answers = workers.map(next)
  for (const worker of workers) worker.postMessage(1000 * seconds)
  const calls = (await Promise.all(answers)).reduce((sum, n) => sum + n, 0)
  const gone = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
  for (const worker of workers) worker.postMessage(0)
  await Promise.all(gone)
  return calls / seconds
}

async function main() {
  const { values } = commandLine(import.meta.url, {
    options: {
      workers: { type: 'string', default: '1,2,4' },
      seconds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '5' },
      out: { type: 'string' },
    },
  })
  const counts = values.workers.split(',').map(Number)
  const load = { before: loadavg() }
  const callsPerSecond = {}
  for (const [name, model] of Object.entries(MODELS)) {
    const seen = new Map(counts.map((count) => [count, []]))
    for (let i = 0; i < Number(values.rounds); ++i)
      for (const count of counts) seen.get(count).push(await rate(model, count, Number(values.seconds)))
    callsPerSecond[name] = Object.fromEntries(
      counts.map((count) => {
        const sorted = seen.get(count).toSorted((a, b) => a - b)
        const digits = (v) => Number(v.toPrecision(3))
        return [
          `${count} workers`,
          {
            median: digits(sorted[Math.floor(sorted.length / 2)]),
            lowest: digits(sorted[0]),
            highest: digits(sorted.at(-1)),
          },
        ]
      }),
    )
  }
  const report = {
    bench: 'workers',
    date: new Date().toISOString().slice(0, 10),
    commit: commit(root),
    command:
      `LANGEVIN_THREADS=${process.env.LANGEVIN_THREADS ?? ''} node scripts/bench/workers.mjs ${process.argv.slice(2).join(' ')}`.trim(),
    machine: machine(),
    node: process.version,
    callsPerSecond,
    load: { ...load, after: loadavg() },
  }
  console.log(JSON.stringify({ ...report, machine: undefined }, null, 1))
  if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`)
}

await (isMainThread ? main() : work(workerData))
