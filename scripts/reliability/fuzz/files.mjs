// Files that langevin writes: models, fitted detectors, scorers, checkpoints. What their metadata says is damaged as JSON, the rest as bytes.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { data, Energy, energies, expr, detectors as kinds, objectives, ood, train } from '../../../dist/index.js'
import { loadScorer } from '../../../dist/scorer/index.js'
import { scratch } from '../lib/scratch.mjs'
import { onDisk, safetensorsFile } from './arrays.mjs'
import { mutated, mutatedJson } from './mutate.mjs'

const one = (random, list) => list[Math.floor(random() * list.length)]

/** Header and data of a safetensors file. */
function parts(path) {
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE(0))
  return { bytes, header: JSON.parse(bytes.subarray(8, 8 + length).toString()), data: bytes.subarray(8 + length) }
}

/** Damages the bytes, the header, or the JSON inside one of its texts of metadata. */
function maker(paths) {
  const seeds = paths.map(parts)
  return (random) => {
    const { bytes, header, data } = one(random, seeds)
    const way = random()
    if (way < 0.25) return mutated(bytes, random)
    if (way < 0.45) return safetensorsFile(mutatedJson(header, random), data)
    const metadata = { ...header.__metadata__ }
    const key = one(random, Object.keys(metadata))
    metadata[key] = /^[[{]/.test(metadata[key])
      ? JSON.stringify(mutatedJson(JSON.parse(metadata[key]), random))
      : String(mutated(Buffer.from(metadata[key]), random))
    return safetensorsFile({ ...header, __metadata__: metadata }, data)
  }
}

export async function models() {
  const folder = scratch('models')
  const specs = {
    mlp: energies.mlp({ input: 2, hidden: [4, 4], gaussianBase: 2 }),
    gaussian: energies.gaussian({ mean: [1, 2], precision: [1, 4] }),
    rbm: energies.rbm({ input: 4, hidden: 3 }),
  }
  const rows = data.fromRows(Array.from({ length: 40 }, (_, i) => ({ a: i, b: i * i })))
  for (const [name, spec] of Object.entries(specs)) {
    const model = await Energy.create(spec, name === 'mlp' ? { inputs: data.inputs(rows) } : {})
    await model.save(join(folder, `${name}.safetensors`))
    model.dispose()
  }
  const read = onDisk('a.safetensors', async (path) => {
    const model = await Energy.load(path)
    model.dispose()
  })
  return { make: maker(readdirSync(folder).map((name) => join(folder, name))), read }
}

export async function detectors() {
  const folder = scratch('detectors')
  const rows = data.fromRows(Array.from({ length: 60 }, (_, i) => ({ a: Math.sin(i), b: Math.cos(i * i) })))
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }), { inputs: data.inputs(rows) })
  const fromRows = [
    kinds.knn({ k: 3 }),
    kinds.mahalanobis(),
    kinds.lof({ k: 5 }),
    kinds.isolationForest({ trees: 5, subsample: 16 }),
    kinds.ecod(),
    kinds.pca({ variance: 0.5 }),
    kinds.gaussianMixture({ components: 2 }),
    kinds.oneClassSvm(),
    kinds.columnDensity({ bins: 10 }),
    kinds.ensemble({ members: [kinds.knn({ k: 3 }), kinds.columnDensity({ bins: 5 })] }),
  ]
  for (const detector of [...fromRows, kinds.energy(model)]) {
    const held = detector.kind === 'energy' ? {} : { heldOut: 0.3, fpr: 0.1 }
    const fitted = await ood.fit(detector, rows, { ...held, reference: 10 })
    await fitted.save(join(folder, `${detector.kind}.safetensors`))
    fitted.dispose()
  }
  const read = onDisk('a.safetensors', async (path) => {
    const fitted = await ood.load(path)
    try {
      // What loads must score, or say why not.
      ;(await fitted.scores([[0.1, 0.2]])).dispose()
    } finally {
      fitted.dispose()
    }
  })
  return { make: maker(readdirSync(folder).map((name) => join(folder, name))), read }
}

/** Exported programs: what is damaged in their JSON decides what native code reads. */
export async function scorers() {
  const folder = scratch('scorers')
  const turn = [
    [1, 0.5],
    [-1, 2],
  ]
  const rows = data.fromRows(Array.from({ length: 40 }, (_, i) => ({ a: Math.sin(i), b: Math.cos(i * i) })))
  const specs = {
    mlp: energies.mlp({ input: 2, hidden: [4, 4], gaussianBase: 'full' }),
    classifier: energies.classifier({ input: 2, hidden: [4], classes: 3 }),
    ising: energies.ising({ sites: 4, coupling: 0.3 }),
    formula: energies.expression(
      (x) =>
        expr
          .concat(x, expr.matmul(x, turn))
          .square()
          .sum()
          .add(x.columns([1, 0]).sum()),
      {
        input: 2,
      },
    ),
  }
  for (const [name, spec] of Object.entries(specs)) {
    const model = await Energy.create(spec, name === 'mlp' ? { inputs: data.inputs(rows) } : {})
    await model.exportScorer(join(folder, name))
    if (name === 'mlp') {
      const fitted = await ood.fit(kinds.averagedEnergy({ models: [model] }), rows)
      await fitted.calibrate(rows, { fpr: 0.1 })
      await fitted.exportScorer(join(folder, 'detector'))
      fitted.dispose()
    }
    model.dispose()
  }
  const read = async (bytes) => {
    const scorer = loadScorer(bytes)
    try {
      const { family, inputWidth, condition } = scorer.info
      // What loads must score, or say why not; a sound program may take a million numbers a row.
      const x = new Float64Array(Math.min(inputWidth, 1 << 12) * 2).fill(0.25)
      if (family === 'detector') scorer.decide(x)
      else scorer.score(x, condition.endsWith('class') ? { y: [0, 1] } : {})
    } finally {
      scorer.dispose()
    }
  }
  return { make: maker(readdirSync(folder).map((name) => join(folder, name))), read }
}

export async function checkpoints() {
  const path = join(scratch('checkpoints'), 'c.safetensors')
  const rows = data.toys.rings({ n: 100, seed: 1 })
  const make = () => Energy.create(energies.mlp({ input: 2, hidden: [4] }), { seed: 1 })
  const options = { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), batchSize: 10, seed: 3, threads: 1 }
  const first = await make()
  await train(first, rows, { ...options, steps: 3, checkpoint: { path } }).done
  const read = onDisk('a.safetensors', async (resume) => {
    const model = await make()
    try {
      await train(model, rows, { ...options, steps: 5, resume }).done
    } finally {
      model.dispose()
    }
  })
  return { make: maker([path]), read }
}
