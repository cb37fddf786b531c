// Trains with a checkpoint after every step, from the newest whole one on, until it is killed. argv: FOLDER STEPS THREADS.
import { join } from 'node:path'
import { data, Energy, energies, objectives, train } from '../../../dist/index.js'
import { checkpointsOf } from '../../../dist/runs/checkpoints.js'

const [folder, steps] = [process.argv[2], Number(process.argv[3])]
const rows = data.toys.rings({ n: 2000, seed: 1 })
const model = await Energy.create(energies.mlp({ input: 2, hidden: [256, 256] }), { seed: 1 })
const { whole } = await checkpointsOf(folder)
const run = train(model, rows, {
  objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
  steps,
  batchSize: 64,
  seed: 3,
  threads: 1,
  checkpoint: { path: join(folder, 'checkpoints', 'step-{step}.safetensors'), every: 1 },
  ...(whole[0] && { resume: whole[0].path }),
})
for await (const event of run) if (event.type === 'checkpoint') process.send?.({ step: event.step })
await run.done
process.disconnect?.()
