// Epochs of training a GCN, timed from the call to its result.
import { existsSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { data, graph, networks } from '../../../dist/index.js'
import { options, serve } from './trial.mjs'

const path = fileURLToPath(new URL(`../../../../shared/data/graphs/npz/${options.graph}.npz`, import.meta.url))
if (!existsSync(path)) {
  console.log(JSON.stringify({ unsupported: `there is no ${path}` }))
  process.exit(0)
}
const nodes = (await data.graph.npz(path)).withPreparedFeatures()
const { train, validation } = graph.split(nodes, { seed: 1 })
const sizes = { features: nodes.featureCount, classes: nodes.classes }
const classifier = await graph.NodeClassifier.create(networks.gcn({ hidden: [options.hidden] }), sizes)
const run = (epochs) =>
  classifier.train(nodes, { train, validation, epochs, patience: 0, threads: options.threads }).done

await run(20)
await serve(async () => {
  const began = performance.now()
  await run(options.steps)
  return { value: (performance.now() - began) / options.steps }
})
