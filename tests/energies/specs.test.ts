/** Specs of energies and the spec machinery: validation, suggestions, schedules, JSON Schema. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { energies, layers } from '../../src/energies/index.js'
import { LangevinError } from '../../src/errors.js'
import { networks } from '../../src/networks/index.js'
import { scheduleField, schedules } from '../../src/schedules/index.js'
import {
  defineSpec,
  definitionOf,
  hint,
  kindsOf,
  nearest,
  parseSpec,
  type SpecValue,
  specOf,
  specSchema,
} from '../../src/spec/index.js'
import { missing, specsIn } from '../helpers/coverage.js'
import { refusal } from '../helpers/errors.js'

const anySpec = energies as unknown as Record<string, (options?: unknown) => SpecValue>
const anyLayer = layers as unknown as Record<string, (options?: unknown) => SpecValue>

/** One valid call of every kind. */
const examples: SpecValue[] = [
  energies.mlp({ input: 2, hidden: [8, 8], gaussianBase: 2 }),
  energies.sequential({
    input: 2,
    layers: [
      layers.embedding({ classes: 3, width: 2 }),
      layers.linear({ out: 4 }),
      layers.layerNorm(),
      layers.activation({ activation: 'leakyRelu', negativeSlope: 0.2 }),
      layers.dropout({ p: 0.1 }),
      layers.flatten(),
      layers.residual({ layers: [layers.linear({ out: 4, bias: false })] }),
      layers.linear({ out: 1 }),
    ],
  }),
  energies.conv({ input: [1, 6, 6], channels: [4, 8], hidden: [8] }),
  energies.sequential({
    input: [2, 6, 6],
    layers: [
      layers.conv2d({ channels: 4, kernel: 3 }),
      layers.upsample(),
      layers.convTranspose2d({ channels: 2, kernel: 2, stride: 2 }),
      layers.pool({ kernel: 2, reduce: 'max' }),
      layers.flatten(),
      layers.linear({ out: 1 }),
    ],
  }),
  energies.scalar({ input: 2, network: networks.mlp({ hidden: [8] }) }),
  energies.conditional({ input: 2, condition: 3, hidden: [8] }),
  energies.classifier({ input: 2, classes: 3, hidden: [8] }),
  energies.regressor({ input: 1, hidden: [8] }),
  energies.twoTower({ input: 1, condition: 1, width: 4, x: { hidden: [8] }, y: { hidden: [8] } }),
  energies.mixtureDensity({ input: 1, hidden: [8] }),
  energies.gaussian({
    mean: [0, 1],
    precision: [
      [2, 0.5],
      [0.5, 1],
    ],
  }),
  energies.gaussianMixture({ means: [[0], [2]], sigmas: 0.5 }),
  energies.doubleWell(),
  energies.rosenbrock(),
  energies.rastrigin(),
  energies.ackley(),
  energies.funnel(),
  energies.expression((x) => x.square().sum(), { input: 2 }),
  energies.rbm({ input: 4, hidden: 3 }),
  energies.ising({ lattice: [2, 3], coupling: 0.4, periodic: false }),
  energies.potts({ sites: 2, levels: 3, field: [0, 1, 2] }),
]

function isFrozen(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen))
}

describe('energy specs', () => {
  it('has an example of every kind', () => {
    const place = {
      no: 'no example of tests/energies/specs.test.ts',
      add: (kind: string) => `one with '${kind}' there`,
    }
    const [kinds, inside] = [examples.map(({ kind }) => kind), specsIn(examples).map(({ kind }) => kind)]
    expect(missing(kindsOf('energy'), { family: 'energy', holds: kinds, ...place })).toEqual([])
    expect(missing(kindsOf('layer'), { family: 'layer', holds: inside, ...place })).toEqual([])
    // energies.mixed is a way to write an mlp.
    expect(Object.keys(energies).sort()).toEqual([...kindsOf('energy'), 'mixed'].sort())
  })

  it('is frozen plain JSON that parses back into itself', () => {
    for (const spec of examples) {
      expect(isFrozen(spec)).toBe(true)
      expect(parseSpec('energy', JSON.parse(JSON.stringify(spec)))).toEqual(spec)
    }
  })

  it('fills in the documented defaults and keeps no undefined member', () => {
    expect(energies.mlp({ input: 2, hidden: [4], gaussianBase: undefined })).toEqual({
      kind: 'mlp',
      input: 2,
      hidden: [4],
      activation: 'silu',
    })
    expect('gaussianBase' in energies.mlp({ input: 2, hidden: [4], gaussianBase: undefined })).toBe(false)
    expect(energies.funnel()).toEqual({ kind: 'funnel', input: 10, sigma: 3 })
  })

  it('lets a spec be spread into a changed copy', () => {
    const base = energies.mlp({ input: 2, hidden: [4] })
    expect(energies.mlp({ ...base, hidden: [8] }).hidden).toEqual([8])
    expect(refusal(() => anySpec.mlp!({ ...base, kind: 'classifier' })).details.path).toBe('kind')
  })

  it.each<[string, () => unknown, string, RegExp]>([
    ['a typo', () => anySpec.mlp!({ input: 2, hiden: [4] }), 'hiden', /did you mean 'hidden'/],
    [
      'a typo in a layer',
      () => anySpec.sequential!({ input: 2, layers: [{ kind: 'linear', outt: 1 }] }),
      'layers[0].outt',
      /did you mean 'out'/,
    ],
    ['an unknown kind', () => parseSpec('energy', { kind: 'mpl' }), 'kind', /unknown energy 'mpl'; did you mean 'mlp'/],
    [
      'an unknown activation',
      () => anySpec.mlp!({ input: 2, hidden: [], activation: 'swish' }),
      'activation',
      /'swish'; known: silu, gelu/,
    ],
    ['NaN', () => energies.mlp({ input: 2, hidden: [4], gaussianBase: Number.NaN }), 'gaussianBase', /finite/],
    [
      'a base of no bits',
      () => energies.mlp({ input: 2, hidden: [4], bernoulliBase: 0.3 }),
      'bernoulliBase',
      /'binary'/,
    ],
    [
      'a base of other columns',
      () => energies.mlp({ input: 3, hidden: [4], states: 'binary', bernoulliBase: [0.3, 0.4] }),
      'bernoulliBase',
      /3 numbers, got 2/,
    ],
    [
      'a base of certain bits',
      () => energies.mlp({ input: 1, hidden: [4], states: 'binary', bernoulliBase: [1] }),
      'bernoulliBase[0]',
      /expected number to be <1/,
    ],
    ['infinity', () => energies.gaussian({ mean: [0, Number.POSITIVE_INFINITY], precision: 1 }), 'mean[1]', /finite/],
    ['a function', () => anySpec.mlp!({ input: () => 2, hidden: [] }), 'input', /function/],
    ['a class instance', () => anySpec.mlp!({ input: new Date(), hidden: [] }), 'input', /Date/],
    ['a hole', () => energies.mlp({ input: 2, hidden: new Array(2) }), 'hidden[0]', /missing/],
    ['no units', () => energies.mlp({ input: 2, hidden: [4, 0] }), 'hidden[1]', /0/],
    ['a missing option', () => anySpec.mlp!({ input: 2 }), 'hidden', /required/],
    [
      'a slope without use',
      () => energies.mlp({ input: 2, hidden: [4], negativeSlope: 0.1 }),
      'negativeSlope',
      /leakyRelu/,
    ],
    [
      'two conditions',
      () => energies.conditional({ input: 1, condition: 1, classes: 2, hidden: [] }),
      'condition',
      /either/,
    ],
    [
      'a learned tower without a width',
      () => energies.twoTower({ input: 1, condition: 1, x: { hidden: [] }, y: { hidden: [] } }),
      'width',
      /required/,
    ],
    [
      'a slope in a tower',
      () => energies.twoTower({ input: 1, condition: 1, x: { hidden: [], negativeSlope: 0.1 } }),
      'x.negativeSlope',
      /leakyRelu/,
    ],
    [
      'two outputs',
      () => energies.sequential({ input: 1, layers: [layers.linear({ out: 2 })] }),
      'layers',
      /one column/,
    ],
    [
      'two arguments',
      () => (anySpec.mlp as (...a: unknown[]) => unknown)({ input: 1, hidden: [] }, {}),
      '',
      /2 arguments/,
    ],
    [
      'a residual that does not fit',
      () => energies.sequential({ input: 1, layers: [layers.residual({ layers: [layers.linear({ out: 2 })] })] }),
      'layers[0].layers',
      /takes 1, gives 2/,
    ],
    [
      'columns for images',
      () => energies.sequential({ input: 36, layers: [layers.conv2d({ channels: 2, kernel: 3 })] }),
      'layers[0]',
      /\[channels, height, width\] and gets 36.*three axes/,
    ],
    [
      'a kernel larger than the image',
      () => energies.sequential({ input: [1, 4, 4], layers: [layers.conv2d({ channels: 2, kernel: [5, 1] })] }),
      'layers[0]',
      /5 x 1 does not fit into an image of 4 x 4/,
    ],
    [
      'images without a flatten',
      () => energies.sequential({ input: [1, 4, 4], layers: [layers.conv2d({ channels: 1, kernel: 4 })] }),
      'layers',
      /one column.*\[1, 1, 1\]/,
    ],
    [
      'another number of kernels',
      () => energies.conv({ input: [1, 8, 8], channels: [4, 8], kernel: [3] }),
      'kernel',
      /1 numbers, and channels 2/,
    ],
    [
      'images that have become too small',
      () => energies.conv({ input: [1, 4, 4], channels: [4, 8], kernel: 3, padding: 0 }),
      'channels[1]',
      /3 x 3 does not fit into an image of 1 x 1/,
    ],
    [
      'more pixels than a stride',
      () =>
        energies.sequential({
          input: [1, 2, 2],
          layers: [layers.convTranspose2d({ channels: 1, kernel: 2, stride: 2, outputPadding: 2 })],
        }),
      'outputPadding',
      /smaller than stride/,
    ],
    ['a convolution of columns', () => energies.conv({ input: 16, channels: [4] }), 'input', /three axes/],
    [
      'a stride of nothing',
      () => energies.sequential({ input: [1, 4, 4], layers: [layers.conv2d({ channels: 1, kernel: 2, stride: 0 })] }),
      'stride',
      />=1/,
    ],
    [
      'a ragged matrix',
      () => energies.gaussian({ mean: [0, 0], precision: [[1], [0, 1]] }),
      'precision[0]',
      /2 numbers/,
    ],
    ['no whole blocks', () => energies.mlp({ input: 5, hidden: [], states: { levels: 2 } }), 'states', /whole blocks/],
    ['sites and a lattice', () => energies.ising({ sites: 4, lattice: [2, 2] }), 'sites', /either/],
    [
      'a border without a lattice',
      () => energies.potts({ sites: 4, levels: 2, periodic: true }),
      'periodic',
      /lattice/,
    ],
    ['a field for other sites', () => energies.ising({ sites: 4, field: [1, 2] }), 'field', /4 numbers/],
    ['a coupling of other sites', () => energies.ising({ sites: 2, coupling: [[0]] }), 'coupling', /2 entries/],
    ['too many sites', () => energies.potts({ lattice: [40, 40], levels: 3 }), 'lattice', /4096/],
    ['no spread', () => energies.gaussianMixture({ means: [[0]] }), 'sigmas', /exactly one/],
  ])('refuses %s with its path', (_name, body, path, message) => {
    const error = refusal(body)
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.details.path).toBe(path)
    expect(error.message).toMatch(message)
  })

  it('refuses values that contain themselves', () => {
    const loop: Record<string, unknown> = { kind: 'residual' }
    loop.layers = [loop]
    expect(refusal(() => anySpec.sequential!({ input: 1, layers: [loop] })).message).toMatch(/levels deep/)
  })

  it('takes typed arrays for lists of numbers', () => {
    const spec = anySpec.gaussian!({ mean: Float64Array.of(1, 2), precision: Float32Array.of(1, 0.5) })
    expect(spec).toEqual({ kind: 'gaussian', mean: [1, 2], precision: [1, 0.5], learnable: false })
  })
})

describe('any JSON gives a spec or a coded error', () => {
  const kinds = [...kindsOf('energy'), ...kindsOf('layer')]
  /** JSON that looks like specs: their keys, their kinds, sometimes right values, sometimes not. */
  const keys = [
    ...kinds.flatMap((kind) =>
      Object.keys((definitionOf('energy', kind) ?? definitionOf('layer', kind))!.schema().shape),
    ),
    'kind',
    '__proto__',
    'constructor',
  ]
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue(),
      fc.constantFrom(...kinds),
      fc.integer({ min: -2, max: 5 }),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 6 }),
    ),
  }))
  const codedOr = (body: () => SpecValue): SpecValue | undefined => {
    try {
      return body()
    } catch (error) {
      expect(error).toBeInstanceOf(LangevinError)
      expect((error as LangevinError).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
      return undefined
    }
  }

  it('for arbitrary values', () => {
    fc.assert(
      fc.property(fc.constantFrom('energy', 'layer', 'schedule'), tree, (family, value) => {
        const spec = codedOr(() => parseSpec(family, value))
        if (spec !== undefined) expect(parseSpec(family, JSON.parse(JSON.stringify(spec)))).toEqual(spec)
      }),
      { numRuns: 1500, seed: 1 },
    )
  })

  it('for valid specs with one member replaced', () => {
    let valid = 0
    fc.assert(
      fc.property(fc.constantFrom(...examples), fc.nat(), tree, (example, which, value) => {
        const copy = JSON.parse(JSON.stringify(example)) as Record<string, unknown>
        const names = Object.keys(copy).filter((key) => key !== 'kind')
        if (names.length > 0) copy[names[which % names.length]!] = value
        const spec = codedOr(() => parseSpec('energy', copy))
        if (spec !== undefined) {
          valid++
          expect(parseSpec('energy', JSON.parse(JSON.stringify(spec)))).toEqual(spec)
        }
      }),
      { numRuns: 1500, seed: 2 },
    )
    // Were every mutation refused, the round trip would test nothing.
    expect(valid).toBeGreaterThan(50)
  })

  it('suggests the option for one wrong letter in any of its names', () => {
    for (const spec of examples) {
      for (const key of Object.keys(spec).filter((name) => name !== 'kind' && name.length > 3)) {
        const { [key]: value, ...rest } = spec
        const error = refusal(() => parseSpec('energy', { ...rest, kind: spec.kind, [`${key}x`]: value }))
        expect(error.message).toContain(`did you mean '${key}'`)
      }
    }
  })
})

describe('suggestions', () => {
  it.each([
    ['lr', ['x', 'y', 'n'], undefined],
    ['standardize', ['batchSize', 'seed'], undefined],
    ['covariance', ['learnable', 'mean'], undefined],
    ['swish', ['silu', 'gelu', 'tanh'], undefined],
    ['batchsize', ['steps', 'batchSize'], 'batchSize'],
    ['mpl', ['rbm', 'mlp'], 'mlp'],
    ['hott', ['ok', 'hot'], 'hot'],
    ['energie', ['energy', 'noise'], 'energy'],
  ])("for '%s' among %j: %s", (typed, known, expected) => {
    expect(nearest(typed, known)).toBe(expected)
  })

  it('list every known name once, and none where there are none', () => {
    expect(hint('zzz', ['path', 'n', 'seed', 'n', 'seed'])).toBe('; known: path, n, seed')
    expect(hint('sed', ['path', 'seed', 'seed'])).toBe("; did you mean 'seed'? known: path, seed")
    expect(hint('x', [])).toBe('; there are none')
  })
})

describe('specs inside specs, schedules and JSON Schema', () => {
  const kernel = defineSpec(
    'testKernel',
    'walk',
    (z) => ({
      steps: z.int().positive(),
      stepSize: scheduleField(z),
      decay: scheduleField(z, { zero: true }).optional(),
    }),
    { summary: 'A kernel.' },
  ).options()
  const goal = defineSpec(
    'testGoal',
    'fit',
    (z) => ({ kernel: specOf(z, 'testKernel'), box: z.strictObject({ low: z.number() }).optional() }),
    {
      summary: 'A goal.',
    },
  ).options()
  const anyGoal = goal as unknown as (options: unknown) => SpecValue

  it('tells the whole path', () => {
    const spec = goal({ kernel: kernel({ steps: 3, stepSize: schedules.linear({ from: 1, to: 0.1 }) }) })
    expect(spec.kernel.stepSize).toEqual({ kind: 'linear', from: 1, to: 0.1 })
    const wrong = (value: unknown) => refusal(() => anyGoal(value)).details.path
    expect(wrong({ kernel: { kind: 'walk', steps: 0.5, stepSize: 1 } })).toBe('kernel.steps')
    expect(wrong({ kernel: { kind: 'walk', steps: 1, stepSize: { kind: 'linear', from: 1, too: 2 } } })).toBe(
      'kernel.stepSize.too',
    )
    expect(wrong({ kernel: { kind: 'walk', steps: 1, stepSize: { kind: 'cosine', from: 1 } } })).toBe(
      'kernel.stepSize.to',
    )
    expect(wrong({ kernel: { kind: 'walk', steps: 1 } })).toBe('kernel.stepSize')
    expect(wrong({ kernel: { kind: 'walk', steps: 1, stepSize: 1 }, box: { hi: 1 } })).toBe('box.hi')
    expect(wrong({})).toBe('kernel')
  })

  it('allows a schedule that reaches zero only where the field does', () => {
    expect(() => kernel({ steps: 1, stepSize: 1, decay: schedules.cosine({ from: 1 }) })).not.toThrow()
    expect(() => kernel({ steps: 1, stepSize: 1, decay: 0 })).not.toThrow()
    expect(() => kernel({ steps: 1, stepSize: 0 })).toThrow(/greater than 0/)
  })

  it('exports a JSON Schema with the families it contains', () => {
    const schema = specSchema('energy') as {
      $defs: Record<string, { oneOf: { properties: { kind: { const: string } } }[] }>
    }
    expect(schema.$defs.energy!.oneOf.map((entry) => entry.properties.kind.const)).toEqual(kindsOf('energy'))
    expect(Object.keys(schema.$defs).sort()).toEqual(['energy', 'layer', 'network'])
    const text = JSON.stringify(specSchema('testGoal'))
    expect(text).toContain('#/$defs/testKernel')
    expect(text).toContain('#/$defs/schedule')
    expect(text).not.toContain('langevinFamily')
    expect(refusal(() => specSchema('energie')).message).toMatch(/did you mean 'energy'/)
  })

  it('has a layer factory for every kind', () => {
    expect(kindsOf('layer').every((kind) => typeof anyLayer[kind] === 'function')).toBe(true)
  })
})
