/** Discrete energies and samplers against enumeration and PyTorch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  data,
  Energy,
  energies,
  type LangevinError,
  objectives,
  optimizers,
  partition,
  sample,
  samplers,
  schedules,
  type Tensor,
  train,
} from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'
import { rejection } from '../helpers/errors.js'

const rows = (t: Tensor) => t.toArray() as unknown as number[][]
const numbers = (t: Tensor) => t.toArray() as number[]

/** Every row of `sites` sites with the given levels, each level a list of columns. */
function enumerate(sites: number, levels: number[][]): number[][] {
  if (sites === 0) return [[]]
  return enumerate(sites - 1, levels).flatMap((head) => levels.map((level) => [...head, ...level]))
}
const logSumExp = (values: number[]) => {
  const top = Math.max(...values)
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0))
}

const oneHot = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]
const models: { name: string; spec: SpecValue; states: number[][] }[] = [
  { name: 'rbm', spec: energies.rbm({ input: 6, hidden: 4 }), states: enumerate(6, [[0], [1]]) },
  {
    name: 'ising',
    spec: energies.ising({ lattice: [2, 3], coupling: 0.3, field: 0.2 }),
    states: enumerate(6, [[-1], [1]]),
  },
  {
    name: 'potts',
    spec: energies.potts({ sites: 4, levels: 3, coupling: 0.5, field: [0, 0.3, -0.2] }),
    states: enumerate(4, oneHot),
  },
  {
    name: 'a network over bits',
    spec: energies.mlp({ input: 5, hidden: [8], states: 'binary' }),
    states: enumerate(5, [[0], [1]]),
  },
]
const kernels = [
  samplers.gibbs({ steps: 20 }),
  samplers.gibbsWithGradients({ steps: 60 }),
  samplers.discreteLangevin({ steps: 60, stepSize: 1.5 }),
]

describe('discrete energies', () => {
  it.each(models)('$name: log Z is the sum over its states, and a file keeps it', async ({ spec, states }) => {
    await using model = await Energy.create(spec, { seed: 3, dtype: 'float64' })
    const energy = numbers(await model.energy(states))
    const { logZ, states: count } = (await partition.exact(model)) as { logZ: number; states: number }
    expect(count).toBe(states.length)
    expect(Math.abs(logZ - logSumExp(energy.map((e) => -e)))).toBeLessThan(1e-12)
    const folder = mkdtempSync(join(tmpdir(), 'langevin-discrete-'))
    try {
      await model.save(join(folder, 'model.safetensors'))
      await using again = await Energy.load(join(folder, 'model.safetensors'))
      expect(numbers(await again.energy(states))).toEqual(energy)
      expect(again.explain().states).toBe(model.explain().states)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each(models)(
    '$name: chains stay on the states, and their mean energy is the law`s',
    async ({ spec, states }) => {
      await using model = await Energy.create(spec, { seed: 3, dtype: 'float64' })
      const known = new Set(states.map(String))
      const energy = numbers(await model.energy(states))
      const logZ = logSumExp(energy.map((e) => -e))
      const moment = (power: number) => energy.reduce((sum, e) => sum + e ** power * Math.exp(-e - logZ), 0)
      const mean = moment(1)
      const sd = Math.sqrt(moment(2) - mean ** 2)
      for (const sampler of kernels) {
        // The default start of discrete chains is 'uniform'.
        const { samples, energy: found, diagnostics } = await sample(model, { sampler, chains: 1500, seed: 5 }).done
        for (const row of rows(samples)) expect(known.has(String(row))).toBe(true)
        const average = numbers(found).reduce((a, b) => a + b) / 1500
        expect(Math.abs(average - mean)).toBeLessThan((4.5 * sd) / Math.sqrt(1500)) // a false alarm in 150,000
        expect(diagnostics.effectiveTemperature).toBe(1)
        expect(diagnostics.stepSize === null).toBe(sampler.kind !== 'discreteLangevin')
        expect(diagnostics.acceptance === null).toBe(sampler.kind === 'gibbs')
      }
    },
    120_000,
  )

  it('are bit-equal at any number of threads and over an interruption', async () => {
    for (const { spec } of models) {
      await using model = await Energy.create(spec, { seed: 3 })
      for (const sampler of [...kernels, samplers.discreteLangevin({ steps: 40, stepSize: 0.5, adjusted: false })]) {
        const whole = await sample(model, { sampler, chains: 300, seed: 5, threads: 1 }).done
        const other = await sample(model, { sampler, chains: 300, seed: 5, threads: 3 }).done
        expect(rows(other.samples)).toEqual(rows(whole.samples))
        const half = { ...sampler, steps: (sampler.steps as number) / 2 }
        const first = await sample(model, { sampler: half, chains: 300, seed: 5 }).done
        const second = await sample(model, { sampler: half, resume: first.state, seed: 5 }).done
        expect(rows(second.samples)).toEqual(rows(whole.samples))
        expect(numbers(second.energy)).toEqual(numbers(whole.energy))
      }
    }
  })

  it('refuse what does not fit, and say what does', async () => {
    await using bits = await Energy.create(energies.rbm({ input: 3, hidden: 2 }))
    await using spins = await Energy.create(energies.ising({ sites: 3 }))
    await using real = await Energy.create(energies.mlp({ input: 3, hidden: [4] }))
    const gibbs = samplers.gibbs({ steps: 1 })
    const langevin = samplers.langevin({ steps: 1, stepSize: 0.1 })
    const draw = (model: Energy, sampler: SpecValue, init?: never | 'normal' | 'uniform' | number[][] | object) =>
      rejection(
        () => sample(model, { sampler, ...(Array.isArray(init) ? {} : { chains: 2 }), init: init as never }).done,
      )
    const checks: [LangevinError, string, RegExp][] = [
      [await draw(real, gibbs), 'UNSUPPORTED', /gibbs moves between discrete states.*langevin, mala or hmc/],
      [await draw(bits, langevin), 'UNSUPPORTED', /langevin moves real columns.*binary states.*gibbsWithGradients/],
      [await draw(spins, gibbs, 'normal'), 'INVALID_OPTION', /spins \(-1 or \+1\).*'uniform'/],
      [await draw(spins, gibbs, { kind: 'uniform', low: 0 }), 'INVALID_OPTION', /spins/],
      [await draw(spins, gibbs, [[1, 0, 1]]), 'INVALID_OPTION', /init.*row 0, column 1/],
      [await draw(spins, samplers.gibbs({ steps: 1, order: 'blocks' })), 'UNSUPPORTED', /hidden units.*lattice/],
      [
        await draw(bits, samplers.gibbs({ steps: 1, order: 'blocks', temperature: 2 })),
        'UNSUPPORTED',
        /temperature 1 only/,
      ],
      [
        await rejection(
          () => train(bits, [[0, 1, 2]], { objective: objectives.minimumProbabilityFlow(), steps: 1 }).done,
        ),
        'INVALID_OPTION',
        /row 0, column 2/,
      ],
      [
        await rejection(() => partition.exact(spins, { values: [0, 1] })),
        'INVALID_OPTION',
        /not a value of a site.*-1 or \+1/,
      ],
      [
        await rejection(() =>
          Energy.create(
            energies.ising({
              lattice: [2, 2],
              coupling: [
                [0, 1, 1, 1],
                [1, 0, 1, 1],
                [1, 1, 0, 1],
                [1, 1, 1, 0],
              ],
            }),
          ),
        ),
        'INVALID_OPTION',
        /\[0\]\[3\] must be 0.*not a neighbour/,
      ],
    ]
    for (const [error, code, message] of checks) {
      expect(error.code).toBe(`ERR_LANGEVIN_${code}`)
      expect(error.message).toMatch(message)
    }
  })
})

describe('an rbm', () => {
  it('learns bars and stripes with persistent chains in blocks', async () => {
    const pictures = data.toys.barsAndStripes({ n: 2000, size: 3, seed: 1 })
    await using model = await Energy.create(energies.rbm({ input: 9, hidden: 12 }), { seed: 2 })
    const x = pictures.toTensor(['x'])
    const logLikelihood = async () => {
      const { logZ } = await partition.exact(model)
      return -numbers(await model.energy(x)).reduce((a, b) => a + b) / 2000 - logZ
    }
    const before = await logLikelihood()
    await train(model, pictures, {
      objective: objectives.persistentContrastiveDivergence({
        sampler: samplers.gibbs({ steps: 5, order: 'blocks' }),
        buffer: { size: 1000, reinit: 0 },
      }),
      optimizer: optimizers.adam({ lr: schedules.cosine({ from: 0.03, to: 1e-3 }) }),
      steps: 500,
      batchSize: 200,
      seed: 4,
    }).done
    // The law itself has the entropy -log 1/8 for the two plain pictures and -log 1/16 for the twelve others, 2.60 nats; an
    // untrained model is near 9 log 2 = 6.24.
    expect(before).toBeLessThan(-5.5)
    const after = await logLikelihood()
    expect(after).toBeGreaterThan(-3.2)
    expect(after).toBeLessThan(-2.4)
  }, 180_000)
})
