// One model in three files: safetensors for langevin and PyTorch, ONNX and TorchScript for other programs.
import { mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { data, Energy, energies, noises, objectives, train } from 'langevin'

const folder = mkdtempSync(join(tmpdir(), 'langevin-'))
const files = { save: 'moons.safetensors', exportOnnx: 'moons.onnx', exportTorchScript: 'moons.pt' }

// The model keeps mean and scale of its columns, and so do the files: rows go in as they were measured.
const rows = data.toys.moons({ n: 2000, seed: 1 })
const inputs = data.inputs(rows)
const model = await Energy.create(energies.mlp({ input: 2, hidden: [64, 64], gaussianBase: 2 }), { seed: 1, inputs })
await train(model, rows, { objective: objectives.noiseContrastive({ noise: noises.dataGaussian() }), steps: 300 }).done

for (const [method, name] of Object.entries(files)) {
  const options = method === 'exportOnnx' ? { score: true } : {}
  await model[method](join(folder, name), options)
  console.log(`${name}: ${statSync(join(folder, name)).size} bytes`)
}

const points = [
  [0, 1],
  [3, -2],
]
const energiesOf = async (energy) => (await energy.energy(points)).toArray().map((e) => e.toFixed(4))
console.log('the model      ', await energiesOf(model))
console.log('safetensors    ', await energiesOf(await Energy.load(join(folder, files.save))))
// TorchScript files are programs: read only those that you trust.
const script = await Energy.fromTorchScript(join(folder, files.exportTorchScript), { input: 2, allowCode: true })
console.log('TorchScript    ', await energiesOf(script))
