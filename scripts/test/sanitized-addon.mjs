// What the addon does inside Node.js, for a run under AddressSanitizer (scripts/test-sanitize.mjs): values and errors across the
// boundary, runs, aborts, files, a server, handles that the collector frees, workers that are terminated. Every step checks what
// comes of it; the last line counts them. node --expose-gc scripts/test/sanitized-addon.mjs
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import * as langevin from '../../dist/index.js'
import { startServer } from '../../dist/serve/server.js'

const { createScorer, Energy, energies, io, memoryStats, objectives, ood, sample, samplers, tensor, train } = langevin
const spec = energies.mlp({ input: 3, hidden: [16, 16], gaussianBase: 2 })
const rows = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(2 * i), i / 40])
const sampler = samplers.langevin({ steps: 3, stepSize: 0.05 })
const training = { objective: objectives.persistentContrastiveDivergence({ sampler }), batchSize: 8, seed: 3 }
const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)

async function boundary() {
  for (const dtype of ['float32', 'float64', 'int64', 'uint8']) {
    const made = tensor([1, 2, 3, 4], [2, 2], dtype)
    const part = made.slice(1)
    assert.deepEqual(part.toArray(), [[3, 4]])
    for (const each of [part, made, made]) each.dispose()
    assert.throws(() => made.toArray(), { code: 'ERR_LANGEVIN_DISPOSED' })
  }
  const model = await Energy.create(spec, { seed: 1 })
  for (const bad of [[[1, 2]], [[1, 2, Number.NaN]], [[1, 2, 'x']], 'text', [[1, 2, 3], [1]]])
    await assert.rejects(async () => model.energy(bad), { name: 'LangevinError' })
  assert.throws(() => tensor([1, 2, 3], [2 ** 52, 2 ** 10]), { name: 'LangevinError' })
  await assert.rejects(model.setParameters({ nobody: [1] }), { code: 'ERR_LANGEVIN_INVALID_OPTION' })
  model.dispose()
}

async function runs(folder) {
  const [model, other] = [await Energy.create(spec, { seed: 1 }), await Energy.create(spec, { seed: 2 })]
  const checkpoint = { path: join(folder, 'step-{step}.safetensors'), every: 20 }
  const run = train(model, rows, { ...training, steps: 60, checkpoint })
  let events = 0
  for await (const _ of run) events++
  assert.ok(events > 3)
  await run.done
  const endless = train(model, rows, { ...training, steps: 1e9 })
  for (let k = 0; k < 20; k++) (await other.energy(rows)).dispose()
  endless.abort(new Error('enough'))
  await assert.rejects(endless.done, /enough/)
  const draws = await sample(model, {
    sampler: samplers.hmc({ steps: 5, stepSize: 0.1, leapfrogSteps: 3 }),
    chains: 7,
    seed: 1,
  }).done
  assert.ok(draws)
  const controllers = Array.from({ length: 30 }, () => new AbortController())
  const calls = controllers.map(({ signal }) => model.score(Array(50).fill(rows).flat(), { signal }))
  for (const [k, each] of controllers.entries()) if (k % 2) each.abort()
  for (const { status, value } of await Promise.allSettled(calls)) if (status === 'fulfilled') value.dispose()
  for (const each of [model, other]) each.dispose()
}

async function files(folder) {
  const at = (name) => join(folder, name)
  const model = await Energy.create(energies.mlp({ input: 3, hidden: [1100, 1100] }), { seed: 4 })
  await model.save(at('m.safetensors'))
  const loaded = await Energy.load(at('m.safetensors'))
  const [before, after] = [await model.energy(rows), await loaded.energy(rows)]
  assert.deepEqual(after.toArray(), before.toArray())
  const large = tensor(
    Float64Array.from({ length: 2 ** 20 }, (_, k) => k),
    [2 ** 10, 2 ** 10],
  )
  await io.npy.write(at('a.npy'), large)
  const read = await io.npy.read(at('a.npy'))
  assert.equal(Buffer.compare(bytesOf(read.toTypedArray()), bytesOf(large.toTypedArray())), 0)
  writeFileSync(at('bad.safetensors'), Buffer.alloc(100, 7))
  await assert.rejects(Energy.load(at('bad.safetensors')), { code: 'ERR_LANGEVIN_FORMAT' })
  for (const each of [model, loaded, before, after, large, read]) each.dispose()
}

async function serving(folder) {
  const model = await Energy.create(spec, { seed: 5 })
  const path = join(folder, 'served.safetensors')
  await model.save(path)
  const detector = await ood.fit(ood.detectors.energy(model))
  const scores = await detector.scores(rows)
  const expected = scores.toTypedArray()
  for (const maxBatch of [1, 16]) {
    const scorer = createScorer(detector, { maxBatch })
    const gone = new AbortController()
    const flat = { data: Float64Array.from(rows.flat()), shape: [rows.length, 3] }
    const calls = Array.from({ length: 40 }, (_, k) =>
      scorer.score(k % 2 ? rows : flat, k % 5 ? {} : { signal: gone.signal }),
    )
    gone.abort()
    for (const { status, value } of await Promise.allSettled(calls))
      if (status === 'fulfilled') assert.deepEqual(value, expected)
    await scorer.close()
  }
  const server = await startServer({ models: { m: path }, port: 0, logLevel: 'silent' })
  const asked = Array.from({ length: 60 }, async (_, k) => {
    const body = k % 3 ? JSON.stringify({ rows }) : '{"rows": [[1, "x"]]}'
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${server.url}/score`, { method: 'POST', headers, body })
    assert.equal(response.status, k % 3 ? 200 : 400)
    await response.json()
  })
  await Promise.all(asked)
  await server.close()
  for (const each of [scores, detector, model]) each.dispose()
}

async function collected() {
  for (let k = 0; k < 300; k++) tensor([k, k + 1]).slice(0, 1)
  for (let k = 0; k < 20; k++) await Energy.create(spec, { seed: k })
  for (let k = 0; k < 5; k++) {
    globalThis.gc()
    await sleep(10)
  }
  assert.ok(memoryStats().tensors < 50)
}

async function workers() {
  const file = fileURLToPath(import.meta.url)
  for (let k = 0; k < 6; k++) {
    const worker = new Worker(file)
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await sleep(20 * k)
    await worker.terminate()
  }
  assert.equal(memoryStats().jobsRunning, 0)
}

/** In a worker: a run without end and calls beside it, until it is terminated. */
async function busy() {
  const [model, other] = [await Energy.create(spec), await Energy.create(spec)]
  train(model, rows, { ...training, steps: 1e9 }).done.catch(() => undefined)
  parentPort.postMessage('busy')
  for (;;) (await other.energy(Array(30).fill(rows).flat())).dispose()
}

if (isMainThread) {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-sanitized-'))
  const steps = [boundary, runs, files, serving, collected, workers]
  try {
    for (const step of steps) {
      await step(folder)
      console.log(`addon: ${step.name}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(`langevin-tests: ${steps.length} passed, 0 failed`)
  process.exit(0)
} else await busy()
