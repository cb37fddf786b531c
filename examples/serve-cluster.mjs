// One server in several processes behind one port: what scales over cores. Every process loads the file itself.
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { data, detectors, ood } from 'langevin'
import langevin from 'langevin/fastify'

if (cluster.isPrimary) {
  const file = join(mkdtempSync(join(tmpdir(), 'langevin-')), 'rings.safetensors')
  const fitted = await ood.fit(detectors.knn(), data.toys.rings({ n: 1000, seed: 1 }), { heldOut: 0.3, fpr: 0.02 })
  await fitted.save(file)
  const [wanted] = (await fitted.scores([[4, 0]])).toArray()
  fitted.dispose()

  // One thread for each process: together they have the cores.
  const workers = [1, 2].map(() => cluster.fork({ MODEL: file, LANGEVIN_THREADS: '1' }))
  const addresses = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]))
  console.log('one port:', addresses[0].port === addresses[1].port)

  const seen = new Set()
  let right = 0
  for (let k = 0; k < 20; k++) {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const answer = await fetch(`http://localhost:${addresses[0].port}/score`, {
      method: 'POST',
      headers,
      body: '[[4, 0]]',
    })
    seen.add(answer.headers.get('x-process'))
    if ((await answer.json()).rows[0].score === wanted) right++
  }
  console.log(right, 'of 20 answers right, by', seen.size, 'processes')
  for (const worker of workers) worker.send('end')
  await Promise.all(workers.map((worker) => once(worker, 'exit')))
} else {
  const app = Fastify()
  app.addHook('onRequest', async (_, reply) => {
    reply.header('x-process', process.pid)
  })
  await app.register(langevin, { models: { rings: process.env.MODEL } })
  await app.listen({ port: 0 }) // workers of a cluster that ask for port 0 share one port
  process.send({ port: app.server.address().port })
  process.on('message', async () => {
    await app.close()
    process.disconnect()
  })
}
