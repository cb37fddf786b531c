// Scores in an express application: a queue with a bound, 503 when it is full, and requests whose clients have gone leave it.
import { once } from 'node:events'
import express from 'express'
import { createScorer, data, detectors, ood } from 'langevin'

const rows = data.toys.rings({ n: 1000, seed: 1 })
const fitted = await ood.fit(detectors.knn(), rows, { heldOut: 0.3, fpr: 0.02 }) // ood.load(file) in a service
rows.dispose()
const scorer = createScorer(fitted, { maxBatch: 64, maxQueue: 256 })

const app = express()
app.post('/score', express.json({ limit: '1mb' }), async (request, response) => {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const given = data.fromRows(request.body, { label: null })
  try {
    const { accept, pValues } = await scorer.decide(given, { signal: gone.signal })
    response.json(accept.map((yes, k) => ({ accept: yes, pValue: pValues[k] })))
  } finally {
    given.dispose()
  }
})
app.use((error, _request, response, _next) => {
  if (response.headersSent || response.destroyed) return
  if (error.code === 'ERR_LANGEVIN_QUEUE_FULL') response.set('Retry-After', '1').status(503)
  else response.status(error.status ?? (error.code?.startsWith('ERR_LANGEVIN_') ? 400 : 500))
  response.json({ error: error.message })
})

const server = app.listen(0)
await once(server, 'listening')
const post = async (body) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`http://localhost:${server.address().port}/score`, { method: 'POST', headers, body })
  return [answer.status, await answer.json()]
}
console.log(await post('[{ "x1": 1, "x2": 0 }, { "x1": 4, "x2": 0 }]')) // accepted, refused
console.log(await post('[{ "x1": 1 }]')) // 400: there is no 'x2'

server.close()
await scorer.close()
fitted.dispose()
