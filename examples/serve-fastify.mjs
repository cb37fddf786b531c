// A fastify server with routes of langevin beside its own: Open Inference Protocol v2, /score, /metrics, /openapi.json.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { data, detectors, ood } from 'langevin'
import langevin from 'langevin/fastify'

// In a service the file is there already: `npx langevin anomaly fit rows.csv --fpr 0.02 --out rings.safetensors`.
const file = join(mkdtempSync(join(tmpdir(), 'langevin-')), 'rings.safetensors')
const fitted = await ood.fit(detectors.knn(), data.toys.rings({ n: 1000, seed: 1 }), { heldOut: 0.3, fpr: 0.02 })
await fitted.save(file)
fitted.dispose()

const app = Fastify({ logger: { level: 'warn' } })
app.get('/', async () => 'the server’s own route')
// Everything about a model is below /ml; the server's error handler and parsers stay as they are.
await app.register(langevin, { prefix: '/ml', models: { rings: file }, watch: true, maxBatch: 64 })
const url = await app.listen({ port: 0 })

const post = async (path, body) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return [answer.status, await answer.json()]
}
console.log(
  await post('/ml/score', {
    rows: [
      { x1: 1, x2: 0 },
      { x1: 4, x2: 0 },
    ],
    contributions: true,
  }),
) // prettier-ignore
const x = { name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 0, 4, 0] }
console.log(
  JSON.stringify(await post('/ml/v2/models/rings/infer', { id: 'a', inputs: [x], outputs: [{ name: 'accept' }] })),
)
console.log(await post('/ml/score', [{ x1: 1, x3: 0 }])) // 400, and which column
await app.close() // answers what it has, then frees the model
