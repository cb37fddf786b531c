/** Energy.create: parameters, evaluation and the errors of bad specs. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { energies, layers } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { LangevinError } from '../../src/errors.js'
import { type SpecValue, toPlain } from '../../src/spec/index.js'
import { tensor } from '../../src/tensor/index.js'

/** Specs as a person would write them: valid, or with one thing wrong. */
const small = fc.integer({ min: -1, max: 4 })
const numbers = fc.array(fc.double({ min: -3, max: 3 }), { maxLength: 3 })
const layer = fc.oneof(
  fc.record({ kind: fc.constant('linear'), out: small }),
  fc.record({ kind: fc.constantFrom('layerNorm', 'flatten', 'activation', 'dropout') }),
  fc.record({ kind: fc.constant('embedding'), classes: fc.constantFrom(2, 3), width: small }),
  fc.record({
    kind: fc.constant('residual'),
    layers: fc.array(fc.record({ kind: fc.constant('linear'), out: small }), { maxLength: 2 }),
  }),
)
const node = fc.record(
  {
    op: fc.constantFrom(
      'input',
      'constant',
      'add',
      'exp',
      'sum',
      'matmul',
      'slice',
      'columns',
      'where',
      'concat',
      'pow',
      'log',
    ),
    in: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
    value: fc.oneof(numbers, fc.array(numbers, { maxLength: 3 })),
    exponent: fc.constantFrom(2, 0.5, -1),
    first: small,
    count: small,
    index: fc.array(small, { maxLength: 2 }),
  },
  { requiredKeys: ['op'] },
)
const anySpec = fc.oneof(
  fc.record({
    kind: fc.constant('sequential'),
    input: small,
    layers: fc.array(layer, { maxLength: 4 }).map((list) => [...list, layers.linear({ out: 1 })]),
  }),
  fc.record({ kind: fc.constant('expression'), input: small, nodes: fc.array(node, { maxLength: 5 }) }),
  fc.record({
    kind: fc.constantFrom('mlp', 'regressor', 'mixtureDensity'),
    input: small,
    hidden: fc.array(small, { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant('gaussian'),
    mean: numbers,
    precision: fc.oneof(fc.double(), numbers, fc.array(numbers, { maxLength: 3 })),
  }),
  fc.record(
    {
      kind: fc.constant('gaussianMixture'),
      means: fc.array(numbers, { maxLength: 3 }),
      sigmas: fc.double({ min: -1, max: 2 }),
      covariances: fc.array(fc.oneof(fc.double(), numbers), { maxLength: 3 }),
    },
    { requiredKeys: ['kind', 'means'] },
  ),
)

describe('Energy.create', () => {
  it('makes an energy of any spec or refuses it with a code that says what is wrong', async () => {
    let made = 0
    await fc.assert(
      fc.asyncProperty(anySpec, async (spec) => {
        try {
          await using model = await Energy.create(spec as unknown as SpecValue, { dtype: 'float64' })
          made++
          const classes = model.spec.kind === 'sequential' && JSON.stringify(spec).includes('embedding')
          const energy = await model.energy(
            tensor(new Float64Array(2 * model.inputWidth), [2, model.inputWidth]),
            classes ? { y: [0, 1] } : {},
          )
          expect(energy.shape).toEqual([2])
        } catch (error) {
          expect(error).toBeInstanceOf(LangevinError)
          // A formula may be infinite at 0 (log, 1 / x); everything else is an option.
          expect(['ERR_LANGEVIN_INVALID_OPTION', 'ERR_LANGEVIN_NON_FINITE']).toContain((error as LangevinError).code)
        }
      }),
      { numRuns: 400, seed: 4 },
    )
    // Were everything refused, nothing would have been tried.
    expect(made).toBeGreaterThan(60)
  })

  it.each([
    ['one layer', energies.mlp({ input: Number.MAX_SAFE_INTEGER, hidden: [Number.MAX_SAFE_INTEGER] })],
    ['a product that leaves 64 bits', energies.mlp({ input: 2 ** 33, hidden: [2 ** 33] })],
    ['an embedding', energies.conditional({ input: 1, classes: 2 ** 40, embedding: 64, hidden: [] })],
  ])('refuses sizes no machine holds: %s', async (_name, spec) => {
    await expect(Energy.create(spec)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_OUT_OF_MEMORY' })
  })

  it('names the path of what only the core can judge', async () => {
    const create = (covariance: number[][]) =>
      Energy.create(energies.gaussianMixture({ means: [[0, 0]], covariances: [covariance] }))
    await expect(
      create([
        [1, 2],
        [2, 1],
      ]),
    ).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      message: expect.stringContaining('spec.covariances[0]: must be positive definite'),
    })
    await expect(
      create([
        [1, 2],
        [0, 1],
      ]),
    ).rejects.toThrow(/symmetric/)
  })

  it('keeps specs plain: a spec cannot hold an energy', async () => {
    await using model = await Energy.create(energies.funnel())
    expect(() => toPlain({ model: [() => model] }, 'test')).toThrow(/function/)
    await expect(
      Energy.create({ kind: 'mlp', input: model, hidden: [] } as unknown as SpecValue),
    ).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      details: { path: 'input' },
    })
  })
})
