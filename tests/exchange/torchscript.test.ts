/** TorchScript files: every energy written and run by Python's torch.jit, and modules of Python run as energies. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromArrays } from '../../src/data/arrays.js'
import { inputs as describeInputs } from '../../src/data/inputs.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { Network } from '../../src/network.js'
import { networks } from '../../src/networks/index.js'
import { objectives } from '../../src/objectives/index.js'
import * as ood from '../../src/ood/index.js'
import { sample } from '../../src/sample.js'
import { samplers } from '../../src/samplers/index.js'
import { tensor } from '../../src/tensor/index.js'
import { train } from '../../src/training/index.js'
import { difference, type Matrix, numbers } from '../energies/parity-subjects.js'
import { rejection } from '../helpers/errors.js'
import { reference } from '../helpers/python.js'
import { casesOf, modelOf, type Values, valuesOf } from './subjects.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-torchscript-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

/** Rounding, a few dozen operations in another order: 6e-8 and 1.1e-16 each, relative to the largest value. */
const TOLERANCE = { float32: 1e-6, float64: 1e-12 }

interface Answer {
  energy: number[] | Matrix
  score?: Matrix | null
  logits?: Matrix
  state: Record<string, number[]>
}

const x3 = numbers(12, 3, 77)
const cases = [...casesOf('float32', 37), ...casesOf('float64', 37)]
const ours: (Values & { state: Record<string, number[]> })[] = []
let theirs: Answer[] = []
let modules: Record<string, { x: Matrix; energy: number[]; score: Matrix }> = {}
/** Rows far from zero, a model that standardises them, and a network. */
const far = numbers(20, 2, 5).map(([a, b]) => [2020 + 3 * a!, -1e4 + 50 * b!].map(Math.fround))
const inputs = describeInputs(fromArrays({ year: far.map((r) => r[0]!), level: far.map((r) => r[1]!) }))
let standardising: Values
let plain: number[]
let outputs: Matrix

beforeAll(async () => {
  const files: unknown[] = []
  for (const [i, one] of cases.entries()) {
    await using model = await modelOf(one)
    const path = at(`${i}.pt`)
    await model.exportTorchScript(path)
    const state = Object.fromEntries(model.parameterInfo().map(({ name, shape }) => [name, [...shape]]))
    ours.push({ ...(await valuesOf(model, one)), state })
    files.push({ path, dtype: one.dtype, x: one.x, y: one.y })
  }
  await using model = await Energy.create(energies.mlp({ input: 2, hidden: [16], gaussianBase: 2 }), { inputs })
  await model.exportTorchScript(at('inside.pt'))
  await model.exportTorchScript(at('outside.pt'), { transform: false })
  standardising = {
    energy: (await model.energy(far)).toArray() as number[],
    score: ((await model.score(far)).toArray() as Matrix).flat(),
  }
  await using bare = await Energy.create(model.spec)
  plain = (await bare.energy(x3.map((row) => row.slice(0, 2)))).toArray() as number[]
  await using network = await Network.create(networks.mlp({ input: 3, output: 4, hidden: [8] }), { seed: 3 })
  await network.exportTorchScript(at('network.pt'))
  outputs = (await network.outputs(x3)).toArray() as Matrix
  files.push(
    { path: at('inside.pt'), dtype: 'float32', x: far },
    { path: at('outside.pt'), dtype: 'float32', x: x3.map((row) => row.slice(0, 2)) },
    { path: at('network.pt'), dtype: 'float32', x: x3 },
  )
  const answer = reference<{ torchscript: Answer[]; modules: typeof modules }>('exchange.py', {
    torchscript: files,
    modules: { folder, x: x3 },
  })
  theirs = answer.torchscript
  modules = answer.modules
}, 300_000)

describe('every energy in torch.jit', () => {
  it.each(cases.map(({ subject, dtype }, i) => [`${subject.name} (${dtype})`, i] as const))('%s', (_name, i) => {
    const tolerance = TOLERANCE[cases[i]!.dtype]
    expect(difference(theirs[i]!.energy, ours[i]!.energy)).toBeLessThan(tolerance)
    expect(difference(theirs[i]!.score, ours[i]!.score)).toBeLessThan(tolerance)
    expect(theirs[i]!.logits === undefined).toBe(ours[i]!.logits === undefined)
    if (ours[i]!.logits) expect(difference(theirs[i]!.logits, ours[i]!.logits)).toBeLessThan(tolerance)
    expect(theirs[i]!.state).toEqual(ours[i]!.state)
    // A test of the test: a flipped sign is far away.
    expect(
      difference(
        theirs[i]!.energy,
        ours[i]!.energy.map((v) => -v),
      ),
    ).toBeGreaterThan(1)
  })

  it('takes rows in the units of the data where the model does', () => {
    const [inside, outside, network] = theirs.slice(cases.length)
    expect(difference(inside!.energy, standardising.energy)).toBeLessThan(TOLERANCE.float32)
    for (const k of [0, 1]) {
      const column = standardising.score.filter((_, place) => place % 2 === k)
      expect(
        difference(
          inside!.score!.map((row) => row[k]),
          column,
        ),
      ).toBeLessThan(TOLERANCE.float32)
    }
    expect(difference(outside!.energy, plain)).toBeLessThan(TOLERANCE.float32)
    expect(difference(network!.energy, outputs)).toBeLessThan(TOLERANCE.float32)
  })

  it('is read back as an energy, with the same numbers', async () => {
    const i = cases.findIndex(({ subject, dtype }) => subject.name === 'mlp, silu' && dtype === 'float64')
    await using model = await Energy.fromTorchScript(at(`${i}.pt`), { input: 3, allowCode: true })
    expect(model.dtype).toBe('float64')
    const rows = tensor(cases[i]!.x, undefined, 'float64')
    expect(difference((await model.energy(rows)).toArray(), ours[i]!.energy)).toBeLessThan(TOLERANCE.float64)
    expect(difference((await model.score(rows)).toArray(), ours[i]!.score)).toBeLessThan(TOLERANCE.float64)
  })

  it('refuses what has no meaning', async () => {
    await using half = await Energy.create(energies.mlp({ input: 2, hidden: [4] }), { dtype: 'bfloat16' })
    expect((await rejection(() => half.exportTorchScript(at('no.pt')))).code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    const model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
    expect((await rejection(() => model.exportTorchScript(at('no/no.pt')))).code).toBe('ERR_LANGEVIN_IO')
    model.dispose()
    expect((await rejection(() => model.exportTorchScript(at('no.pt')))).code).toBe('ERR_LANGEVIN_DISPOSED')
  })
})

describe('modules of Python as energies', () => {
  const load = (name: string, input: number | number[] = 3) =>
    Energy.fromTorchScript(at(`${name}.pt`), { input, allowCode: true })

  it.each(['flat', 'wide', 'double', 'image', 'inPlace', 'traced'])('%s: energy and score', async (name) => {
    await using model = await load(name, name === 'image' ? [1, 4, 4] : 3)
    const { x, energy, score } = modules[name]!
    const dtype = name === 'double' ? 'float64' : 'float32'
    expect(model.dtype).toBe(dtype)
    const rows = tensor(x, undefined, dtype)
    expect(difference((await model.energy(rows)).toArray(), energy)).toBeLessThan(TOLERANCE[dtype])
    expect(difference((await model.score(rows)).toArray(), score)).toBeLessThan(TOLERANCE[dtype])
    expect(difference(model.energySync(rows).toArray(), energy)).toBeLessThan(TOLERANCE[dtype])
    // One that writes into its rows writes into a copy.
    expect(difference(rows.toArray(), x)).toBeLessThan(1e-7)
    // The same bits each time, on any number of threads.
    const many = numbers(2000, x[0]!.length, 8)
    const first = (await model.score(many, { threads: 1 })).toArray()
    for (const threads of [1, 2, 2]) expect((await model.score(many, { threads })).toArray()).toEqual(first)
  })

  it('are sampled', async () => {
    await using model = await load('inPlace')
    // E = 4 |x|^2: three normal columns of variance 1/8.
    const chains = 4000
    const run = sample(model, {
      sampler: samplers.mala({ stepSize: 0.1, steps: 200 }),
      chains,
      seed: 3,
    })
    const { samples } = await run.done
    const values = (samples.toArray() as Matrix).flat()
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length
    // The standard error of a variance of 12,000 normals is 1/8 sqrt(2 / 12000) = 0.0016; five of them.
    expect(Math.abs(variance - 0.125)).toBeLessThan(0.008)
  })

  it('score rows in detectors, which keep no file', async () => {
    await using model = await load('flat')
    await using fitted = await ood.fit(ood.detectors.energy(model), numbers(200, 3, 20))
    const scores = await fitted.scores(x3)
    expect(difference(scores.toArray(), modules.flat!.energy)).toBeLessThan(TOLERANCE.float32)
    const error = await rejection(() => fitted.save(at('detector.safetensors')))
    expect(error.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect(error.message).toContain('flat.pt')
  })

  it('take rows in the units of the data with inputs', async () => {
    const columns = fromArrays({
      a: x3.map((r) => 10 + 2 * r[0]!),
      b: x3.map((r) => 5 * r[1]!),
      c: x3.map((r) => r[2]!),
    })
    const units = describeInputs(columns)
    const { mean, scale } = units.transform!
    await using model = await Energy.fromTorchScript(at('flat.pt'), { input: 3, allowCode: true, inputs: units })
    // Rows that are x3 once they are standardised.
    const rows = x3.map((row) => row.map((z, k) => mean[k]! + scale[k]! * z))
    const shift = scale.reduce((sum, s) => sum + Math.log(s), 0)
    const { energy, score } = modules.flat!
    const found = (await model.energy(tensor(rows, undefined, 'float64'))).toArray() as number[]
    expect(
      difference(
        found.map((e) => e - shift),
        energy,
      ),
    ).toBeLessThan(TOLERANCE.float32)
    const slopes = (await model.score(tensor(rows, undefined, 'float64'))).toArray() as Matrix
    expect(
      difference(
        slopes.map((row) => row.map((v, k) => v * scale[k]!)),
        score,
      ),
    ).toBeLessThan(TOLERANCE.float32)
  })

  it('are neither saved nor trained nor exported, and are copied', async () => {
    await using model = await load('flat')
    for (const refused of [
      () => model.save(at('no.safetensors')),
      () => model.exportOnnx(at('no.onnx')),
      () => model.exportTorchScript(at('no.pt')),
    ]) {
      expect((await rejection(refused)).code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    }
    const options = { objective: objectives.denoisingScoreMatching({ sigma: 0.5 }), steps: 2, batchSize: 4 }
    const refusal = await rejection(() => train(model, x3, options).done)
    expect(refusal.code).toMatch(/UNSUPPORTED|INVALID_OPTION/)
    expect(Object.keys(await model.parameters())).toEqual([])
    await using copy = await model.snapshot()
    model.dispose()
    expect(difference((await copy.energy(x3)).toArray(), modules.flat!.energy)).toBeLessThan(TOLERANCE.float32)
  })

  it('run no code without leave, and no spec or file names one', async () => {
    const refusal = await rejection(() => Energy.fromTorchScript(at('flat.pt'), { input: 3 } as never))
    expect(refusal.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(refusal.message).toContain('is a program')
    await using model = await load('flat')
    const error = await rejection(() => Energy.create(model.spec as never))
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })

  it('are refused where they are no energies, with the reason', async () => {
    const expected: [string, RegExp][] = [
      ['TwoColumns', /float32 \[4, 2\] for 4 rows/],
      ['WholeNumbers', /int64 \[4\] for 4 rows/],
      ['Several', /gives a Tuple/],
      ['Raises', /the sensor is not calibrated/],
      ['Mixes', /depends on the rows beside it/],
      ['state', /torch\.save\(\) file/],
    ]
    for (const [name, words] of expected) {
      const error = await rejection(() => load(name))
      expect(error.code, name).toBe('ERR_LANGEVIN_FORMAT')
      expect(error.message, name).toMatch(words)
      expect(error.details.path, name).toBe(at(`${name}.pt`))
    }
    const wrongWidth = await rejection(() => load('flat', 5))
    expect(wrongWidth.code).toBe('ERR_LANGEVIN_FORMAT')
    expect(wrongWidth.message).toContain('x [n, 5] of dtype float32')
    await using nan = await load('NotANumber')
    expect((await rejection(() => nan.energy(x3))).code).toBe('ERR_LANGEVIN_NON_FINITE')
  })

  it('are refused where the file is none', async () => {
    const random = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 + (i >> 3)) & 255))
    writeFileSync(at('random.pt'), random)
    writeFileSync(at('empty.pt'), '')
    writeFileSync(at('cut.pt'), Buffer.concat([Buffer.from('PK\x03\x04'), random]))
    const whole = readFileSync(at('flat.pt'))
    writeFileSync(at('half.pt'), whole.subarray(0, whole.length / 2))
    // The packed code of the module, overwritten behind its name and padding; the archive's directory stays in order.
    const damaged = Buffer.from(whole)
    const code = damaged.indexOf('code/__torch__.py')
    expect(code).toBeGreaterThan(0)
    damaged.fill(0xff, code + 100, code + 200)
    writeFileSync(at('damaged.pt'), damaged)
    for (const name of ['random', 'empty', 'cut', 'half', 'damaged'])
      expect((await rejection(() => load(name))).code, name).toBe('ERR_LANGEVIN_FORMAT')
    expect((await rejection(() => load('absent'))).code).toBe('ERR_LANGEVIN_IO')
    const badInput = await rejection(() => load('flat', 0))
    expect(badInput.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })
})
