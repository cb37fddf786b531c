/** Numbers of nested arrays reach the core as JavaScript has them: every road gives what a Float64Array gives. */
import { expect, test } from 'vitest'
import {
  data,
  detectors,
  Energy,
  energies,
  evaluate,
  evaluateObjective,
  infer,
  inferences,
  layers,
  metrics,
  Network,
  networks,
  objectives,
  ood,
  partition,
  type RowsLike,
  sample,
  samplers,
  type Tensor,
  train,
} from '../../src/index.js'

// Unix seconds: float32 knows them to 128 s.
const HERE = 1.7e9
const ROWS = [0, 50, -20, 7.5, -31.25].map((offset) => [HERE + offset])
const exact = (rows: number[][]): RowsLike => ({
  data: Float64Array.from(rows.flat()),
  shape: [rows.length, rows[0]!.length],
})
const list = (tensor: Tensor) => [...tensor.toTypedArray()].map(Number)

const gaussian = () =>
  Energy.create(energies.gaussian({ mean: [HERE], precision: 1, learnable: true }), { dtype: 'float64' })

test('an energy in float64 knows two moments 50 seconds apart', async () => {
  await using model = await gaussian()
  expect(list(await model.energy([[HERE + 50]]))).toEqual([1250])
  expect(list(await model.score([[HERE + 50]]))).toEqual([-50])
  expect(list(model.energySync([[HERE + 50]]))).toEqual([1250])
  expect(list(model.scoreSync([[HERE + 50]]))).toEqual([-50])
})

/** What each road makes of rows; the same whichever form they are given in. */
const ROADS: Record<string, (rows: RowsLike, model: Energy) => Promise<unknown>> = {
  energy: async (rows, model) => list(await model.energy(rows)),
  score: async (rows, model) => list(await model.score(rows)),
  energySync: async (rows, model) => list(model.energySync(rows)),
  scoreSync: async (rows, model) => list(model.scoreSync(rows)),
  outputs: async (rows) => {
    const spec = networks.sequential({ input: 1, layers: [layers.linear({ out: 1 })] })
    await using network = await Network.create(spec, { dtype: 'float64' })
    const [weight, bias] = network.parameterInfo()
    await network.setParameters({ [weight!.name]: [[1]], [bias!.name]: [-HERE] })
    return list(await network.outputs(rows))
  },
  fromArrays: async (rows) => list(data.fromArrays({ x: rows }).toTensor()),
  'knn, its rows': async (rows) => list(await ood.scores(detectors.knn({ rows, k: 1 }), [[HERE + 3]])),
  'knn, the rows scored': async (rows) =>
    list(await ood.scores(detectors.knn({ rows: exact([[HERE + 3], [HERE - 11]]), k: 1 }), rows)),
  'a detector of an energy': async (rows, model) => list(await ood.scores(detectors.energy(model), rows)),
  'ood.evaluate': async (rows, model) =>
    ood.evaluate({
      detector: detectors.energy(model),
      inDistribution: rows,
      outOfDistribution: { far: exact([[HERE + 25], [HERE - 25]]) },
    }),
  'evaluate.logLikelihood': async (rows, model) => {
    const logZ = Math.log(2 * Math.PI) / 2
    return (await evaluate.logLikelihood(model, rows, { logZ, baseline: rows })).text
  },
  'partition.importance': async (rows, model) => (await partition.importance(model, { rows, draws: 500 })).logZ,
  'the start of chains': async (init, model) => {
    const sampler = samplers.langevin({ steps: 1, stepSize: 1e-3 })
    return list((await sample(model, { sampler, init }).done).samples)
  },
  train: async (rows) => {
    await using model = await gaussian()
    const run = train(model, rows, {
      objective: objectives.denoisingScoreMatching({ sigma: 1 }),
      steps: 1,
      batchSize: 5,
    })
    return (await run.done).history.map(({ loss }) => loss)
  },
  evaluateObjective: async (rows, model) =>
    (await evaluateObjective(model, rows, { objective: objectives.denoisingScoreMatching({ sigma: 1 }) })).loss,
  'data.rows': async (rows) => {
    await using model = await gaussian()
    const source = data.rows(rows, { shift: -HERE })
    return (await evaluateObjective(model, source, { objective: objectives.denoisingScoreMatching({ sigma: 1 }) })).loss
  },
  infer: async (rows) => {
    const tower = { hidden: [] as number[] }
    await using model = await Energy.create(energies.twoTower({ input: 1, condition: 1, x: tower }), {
      dtype: 'float64',
    })
    const method = inferences.exhaustive({ answers: { low: -2e9, high: 2e9, points: 3 } })
    return list((await infer(model, rows, { method })).energy)
  },
  'data.gaussianFit': async (rows) => list((await data.gaussianFit(rows)).mean),
  'metrics.kernelSteinDiscrepancy': async (rows, model) => metrics.kernelSteinDiscrepancy(model, rows),
}

test.each(Object.entries(ROADS))('%s: nested arrays are as good as a Float64Array', async (_name, road) => {
  await using model = await gaussian()
  expect(await road(ROWS, model)).toEqual(await road(exact(ROWS), model))
})

test('conditions, parameters and targets keep their digits', async () => {
  const spec = energies.conditional({ input: 1, condition: 1, hidden: [4] })
  await using model = await Energy.create(spec, { dtype: 'float64', seed: 1 })
  const x = exact([[0.1], [0.2]])
  const y = [[0.1], [1 / 3]]
  expect(list(await model.energy(x, { y }))).toEqual(list(await model.energy(x, { y: exact(y) })))
  const name = model.parameterInfo().at(-1)!.name
  await model.setParameters({ [name]: [0.1] })
  expect(list((await model.parameters())[name]!)).toEqual([0.1])
  const sampler = samplers.langevin({ steps: 1, stepSize: 1e-3 })
  const drawn = async (condition: RowsLike | number) =>
    list((await sample(model, { sampler, init: x, y: condition }).done).samples)
  expect(await drawn(0.1)).toEqual(await drawn(exact([[0.1]])))
})
