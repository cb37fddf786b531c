// Scorers in worker threads: each loads the file itself, and parsing and checking rows leaves the main thread. The native threads of
// a device are shared by all workers of a process; for more scores a second use processes (serve-cluster.mjs).
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { createScorer, data, detectors, ood } from 'langevin'

if (isMainThread) {
  const file = join(mkdtempSync(join(tmpdir(), 'langevin-')), 'rings.safetensors')
  const fitted = await ood.fit(detectors.knn(), data.toys.rings({ n: 1000, seed: 1 }), { heldOut: 0.3, fpr: 0.02 })
  await fitted.save(file)

  const pool = [1, 2].map(() => new Worker(new URL(import.meta.url), { workerData: file }))
  const waiting = new Map()
  for (const worker of pool) {
    worker.on('message', ({ id, ...answer }) => {
      waiting.get(id)(answer)
      waiting.delete(id)
    })
  }
  let next = 0
  const score = (text) =>
    new Promise((resolve) => {
      const id = next++
      waiting.set(id, resolve)
      pool[id % pool.length].postMessage({ id, text })
    })

  const texts = Array.from({ length: 20 }, (_, k) => JSON.stringify([[k / 5, 0]]))
  const answers = await Promise.all(texts.map(score))
  const { scores } = await fitted.decide(Array.from({ length: 20 }, (_, k) => [k / 5, 0]))
  const same = answers.every((answer, k) => answer.scores[0] === scores[k])
  console.log('accepted', answers.filter(({ accept }) => accept[0]).length, 'of 20; the same bits as here:', same)
  console.log(await score('[[1]]'))

  for (const worker of pool) worker.postMessage('end')
  await Promise.all(pool.map((worker) => once(worker, 'exit')))
  fitted.dispose()
} else {
  const fitted = await ood.load(workerData)
  const scorer = createScorer(fitted, { maxBatch: 64 })
  parentPort.on('message', async (message) => {
    if (message === 'end') {
      await scorer.close()
      fitted.dispose()
      parentPort.close()
      return
    }
    const { id, text } = message
    try {
      parentPort.postMessage({ id, ...(await scorer.decide(JSON.parse(text))) })
    } catch (error) {
      parentPort.postMessage({ id, error: error.message })
    }
  })
}
