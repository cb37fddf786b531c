// One trial: seconds of `steps` Langevin steps for `chains` chains of a SiLU MLP. Prints one line of JSON.
import { performance } from 'node:perf_hooks'
import { Energy, energies, sample, samplers } from '../../dist/index.js'

const { input, hidden, chains, steps, threads } = JSON.parse(process.argv[2])
const model = await Energy.create(energies.mlp({ input, hidden }), { seed: 1 })
const options = { sampler: samplers.langevin({ steps, stepSize: 0.001 }), chains, threads, seed: 1 }
await sample(model, options).done // warm-up
const started = performance.now()
await sample(model, options).done
const seconds = (performance.now() - started) / 1000
console.log(JSON.stringify({ microsecondsPerStep: (seconds / steps) * 1e6, executor: model.explain().executor }))
