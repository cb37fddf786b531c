// Scores with node:http alone: no framework, an orderly end at SIGTERM.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createScorer, data, detectors, ood } from 'langevin'

const rows = data.toys.rings({ n: 1000, seed: 1 })
const fitted = await ood.fit(detectors.knn(), rows, { heldOut: 0.3, fpr: 0.02 }) // ood.load(file) in a service
const scorer = createScorer(fitted, { maxQueue: 256 })

const MOST_BYTES = 1_000_000
async function bodyOf(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MOST_BYTES) throw Object.assign(new Error('the body is too large'), { status: 413 })
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString())
}

const server = createServer(async (request, response) => {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const send = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  try {
    const { accept, scores } = await scorer.decide(await bodyOf(request), { signal: gone.signal })
    send(200, { accept, scores: [...scores] })
  } catch (error) {
    if (gone.signal.aborted) return
    send(error.code === 'ERR_LANGEVIN_QUEUE_FULL' ? 503 : (error.status ?? 400), { error: error.message })
  }
})
const ended = once(server, 'close')
process.once('SIGTERM', () => server.close()) // no new requests; those that run are answered
server.listen(0)
await once(server, 'listening')

const url = `http://localhost:${server.address().port}`
for (const body of ['[[1, 0], [4, 0]]', '[[1, null]]', 'not JSON']) {
  const answer = await fetch(url, { method: 'POST', body, headers: { connection: 'close' } })
  console.log(answer.status, await answer.json())
}
process.kill(process.pid, 'SIGTERM')
await ended
await scorer.close()
fitted.dispose()
console.log('ended in order')
