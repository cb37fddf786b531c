// Stop a run half-way, resume it from its checkpoint, and get the weights of a run that was never stopped.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { data, Energy, energies, noises, objectives, train } from 'langevin'

const folder = await mkdtemp(join(tmpdir(), 'langevin-example-'))
const path = join(folder, 'run.safetensors')
const moons = data.toys.moons({ n: 2000, seed: 1 })
const options = {
  objective: objectives.noiseContrastive({ noise: noises.dataGaussian() }),
  steps: 200,
  seed: 5,
}
const create = () => Energy.create(energies.mlp({ input: 2, hidden: [32, 32], gaussianBase: 2 }), { seed: 1 })

const whole = await create()
await train(whole, moons, options).done

const stopped = await create()
const run = train(stopped, moons, { ...options, checkpoint: { path, every: 100 } })
for await (const event of run) {
  if (event.type !== 'checkpoint') continue
  run.abort(new Error('stopped on purpose'))
  break
}
await run.done.catch((error) => console.log(error.message))

const resumed = await create()
await train(resumed, moons, { ...options, resume: path }).done
const weights = async (model) => (await model.parameters())['0.weight'].toArray()
console.log('same weights:', JSON.stringify(await weights(whole)) === JSON.stringify(await weights(resumed)))
await rm(folder, { recursive: true })
for (const model of [whole, stopped, resumed]) model.dispose()
