/** A misspelt option is refused by every function that takes an object of options, never ignored. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as langevin from '../../src/index.js'
import { rejection } from '../helpers/errors.js'

const { data, detectors, Energy, energies, evaluate, infer, metrics, Network, networks, objectives } = langevin
const { ood, partition, sample, samplers, threads, train, evaluateObjective } = langevin

const folder = mkdtempSync(join(tmpdir(), 'langevin-options-'))
const path = join(folder, 'model.safetensors')
const networkPath = join(folder, 'network.safetensors')
let model: langevin.Energy
let network: langevin.Network
beforeAll(async () => {
  model = await Energy.create(energies.classifier({ input: 2, classes: 2, hidden: [4] }))
  network = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 1 }))
  await model.save(path)
  await network.save(networkPath)
})
afterAll(() => rmSync(folder, { recursive: true }))

const x = [
  [0, 1],
  [1, 0],
]
const dsm = objectives.denoisingScoreMatching({ sigma: 1 })
const short = samplers.langevin({ steps: 1, stepSize: 0.1 })
const last = async () => (await sample(model, { sampler: short, chains: 2 }).done).state

// What is called, the misspelt option, and the one that was meant. `never` because the types refuse them too.
const CALLS: [string, string, string, () => unknown][] = [
  ['Energy.create', 'Seed', 'seed', () => Energy.create(energies.mlp({ input: 2, hidden: [4] }), { Seed: 7 } as never)],
  ['Energy.load', 'dtpye', 'dtype', () => Energy.load(path, { dtpye: 'float64' } as never)],
  [
    'Network.create',
    'divice',
    'device',
    () => Network.create(networks.mlp({ input: 2, hidden: [4], output: 1 }), { divice: 'cpu' } as never),
  ],
  ['Network.load', 'Prefix', 'prefix', () => Network.load(networkPath, { Prefix: 'a.' } as never)],
  ['energy', 'thread', 'threads', () => model.energy(x, { thread: 1 } as never)],
  ['score', 'threds', 'threads', () => model.score(x, { threds: 1 } as never)],
  ['logits', 'signals', 'signal', () => model.logits(x, { signals: undefined } as never)],
  ['outputs', 'threds', 'threads', () => network.outputs(x, { threds: 1 } as never)],
  ['parameters', 'Signal', 'signal', () => model.parameters({ Signal: undefined } as never)],
  ['setParameters', 'Signal', 'signal', () => model.setParameters({}, { Signal: undefined } as never)],
  ['save', 'Signal', 'signal', () => model.save(path, { Signal: undefined } as never)],
  ['threads', 'intraop', 'intraOp', () => threads({ intraop: 1 } as never)],
  ['train', 'bachSize', 'batchSize', () => train(model, x, { objective: dsm, steps: 1, bachSize: 2 } as never)],
  ['train: rows', 'Y', 'y', () => train(model, { x, Y: [0, 1] } as never, { objective: dsm, steps: 1 })],
  ['evaluateObjective', 'sead', 'seed', () => evaluateObjective(model, x, { objective: dsm, sead: 1 } as never)],
  [
    'evaluateObjective: penalties',
    'enrgy',
    'energy',
    () => evaluateObjective(model, x, { objective: dsm, penalties: { enrgy: 1 } } as never),
  ],
  ['sample', 'chians', 'chains', () => sample(model, { sampler: short, chians: 2 } as never)],
  [
    'sample: init',
    'mena',
    'mean',
    () => sample(model, { sampler: short, chains: 2, init: { kind: 'normal', mena: 1 } as never }),
  ],
  [
    'sample: resume',
    'velocty',
    'velocity',
    async () => sample(model, { sampler: short, resume: { ...(await last()), velocty: 1 } as never }),
  ],
  ['infer', 'metod', 'method', () => infer(model, x, { metod: 'exhaustive' } as never)],
  ['infer.chain', 'betta', 'beta', () => infer.chain({ unary: [[0]], pairwise: [] }, { betta: 1 } as never)],
  ['partition.grid', 'hihg', 'high', () => partition.grid(model, { low: 0, hihg: 1 } as never)],
  ['partition.exact', 'level', 'levels', () => partition.exact(model, { level: 2 } as never)],
  ['partition.importance', 'draw', 'draws', () => partition.importance(model, { rows: x, draw: 1 } as never)],
  ['partition.ais', 'chain', 'chains', () => partition.ais(model, { chain: 2 } as never)],
  ['evaluate.logLikelihood', 'logz', 'logZ', () => evaluate.logLikelihood(model, x, { logz: 1 } as never)],
  ['ood.scores', 'thread', 'threads', () => ood.scores(detectors.energy(model), x, { thread: 1 } as never)],
  [
    'ood.evaluate',
    'positiv',
    'positive',
    () =>
      ood.evaluate({
        detector: detectors.energy(model),
        inDistribution: x,
        outOfDistribution: { a: x },
        positiv: 'ood',
      } as never),
  ],
  [
    'outOfDistribution.a',
    'sead',
    'seed',
    () =>
      ood.evaluate({
        detector: detectors.energy(model),
        inDistribution: x,
        outOfDistribution: { a: { low: 0, high: 1, sead: 1 } as never },
      }),
  ],
  ['detectors.knn', 'K', 'k', () => detectors.knn({ rows: x, K: 1 } as never)],
  [
    'detectors.logitEnergy',
    'temprature',
    'temperature',
    () => detectors.logitEnergy(model, { temprature: 1 } as never),
  ],
  ['metrics.auroc', 'positiv', 'positive', () => metrics.auroc([0, 1], [0, 1], { positiv: 'ood' } as never)],
  ['metrics.ece', 'bin', 'bins', () => metrics.ece([0.1, 0.9], [0, 1], { bin: 10 } as never)],
  ['metrics.ess', 'Of', 'of', () => metrics.ess([[0, 1, 2, 3]], { Of: 'tail' } as never)],
  ['data.fromArrays', 'labl', 'label', () => data.fromArrays({ x }, { labl: 'x' } as never)],
  ['data.gaussianFit', 'rigde', 'ridge', () => data.gaussianFit(x, { rigde: 1 } as never)],
  ['data.rows', 'Scale', 'scale', () => data.rows(x, { Scale: 1 } as never)],
  ['data.spandrel.logDensity', 'sgima', 'sigma', () => data.spandrel.logDensity('step', x, { sgima: 1 } as never)],
  ['data.spandrel.curve', 'point', 'points', () => data.spandrel.curve('step', { point: 1 } as never)],
]

test.each(CALLS)('%s refuses %s and suggests %s', async (owner, typed, meant, call) => {
  const error = await rejection(call)
  expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  expect(error.message).toContain(owner.split('.').at(-1))
  expect(error.message).toContain(`${typed}: is not an option; did you mean '${meant}'?`)
})

test('an option of another value than there is is refused too', async () => {
  expect((await rejection(() => metrics.ess([[0, 1, 2, 3]], { of: 'tial' as never }))).message).toContain('tail')
  const init = { kind: 'nomal' } as never
  expect((await rejection(() => sample(model, { sampler: short, chains: 2, init }))).message).toContain('normal')
})
