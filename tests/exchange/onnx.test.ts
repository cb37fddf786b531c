/** ONNX files: every energy against onnxruntime, against the reference evaluator of the onnx package, and against PyTorch. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromArrays } from '../../src/data/arrays.js'
import { inputs as describeInputs } from '../../src/data/inputs.js'
import { energies, expr, layers } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { OPSETS } from '../../src/exchange/onnx/export.js'
import { BACKWARD } from '../../src/exchange/onnx/gradients.js'
import { FORMS } from '../../src/exchange/onnx/operations.js'
import { FORMS as SCRIPT_FORMS } from '../../src/exchange/torchscript/operations.js'
import { Network } from '../../src/network.js'
import { networks } from '../../src/networks/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import { difference, type Matrix, numbers } from '../energies/parity-subjects.js'
import { rejection } from '../helpers/errors.js'
import { reference } from '../helpers/python.js'
import { axesOf, type Case, casesOf, type FloatName, modelOf, type Values, valuesOf } from './subjects.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-onnx-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

/** Rounding of float32, 6e-8 an operation, in another order of operations; relative to the largest value. */
const SINGLE = 1e-5
/** Rounding of float64, 1.1e-16 an operation. */
const DOUBLE = 1e-12

/** What onnxruntime gives for rows. */
async function run(
  path: string,
  x: Matrix,
  y?: number[] | Matrix,
  axes?: readonly number[],
  dtype: FloatName = 'float32',
) {
  const floats = (values: number[], dims: readonly number[]) =>
    dtype === 'float32'
      ? new OrtTensor('float32', Float32Array.from(values), dims)
      : new OrtTensor('float64', Float64Array.from(values), dims)
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const feeds: Record<string, OrtTensor> = {
    x: floats(x.flat(), axes ?? [x.length, x[0]!.length]),
  }
  if (session.inputNames.includes('y')) {
    const flat = y!.flat()
    feeds.y = Array.isArray(y![0])
      ? floats(flat, [x.length, flat.length / x.length])
      : new OrtTensor('int64', BigInt64Array.from(flat, BigInt), [x.length])
  }
  const answer = await session.run(feeds)
  await session.release()
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      { shape: [...value.dims], data: Array.from(value.data as Float32Array) },
    ]),
  )
}

const ROWS = 100
const single = casesOf('float32', ROWS)
const double = casesOf('float64', 11)

interface Reference {
  opset: number
  outputs: Record<string, unknown>
}
const ours: Values[] = []
const oursInDouble: Values[] = []
let checked: Reference[] = []
let pytorch: Record<string, unknown>[] = []

const pathOf = (i: number, { dtype }: Case) => at(`${i}-${dtype}.onnx`)

beforeAll(async () => {
  const weights: string[] = []
  for (const [list, values] of [
    [single, ours],
    [double, oursInDouble],
  ] as const) {
    for (const [i, one] of list.entries()) {
      await using model = await modelOf(one)
      values.push(await valuesOf(model, one))
      await model.exportOnnx(pathOf(i, one), { score: true, y: one.y !== undefined })
      if (one.dtype === 'float32') await model.save(weights[weights.push(at(`${i}.safetensors`)) - 1]!)
    }
  }
  const files = [...single, ...double].map((one, k) => ({
    path: pathOf(k % single.length, one),
    dtype: one.dtype,
    x: one.x.slice(0, 11),
    y: one.y?.slice(0, 11),
    axes: axesOf(one, 11),
  }))
  checked = reference<{ onnx: Reference[] }>('exchange.py', { onnx: files }).onnx
  const eager = single.map(({ subject, dtype, x, y }, i) => ({
    spec: subject.spec,
    dtype,
    safetensors: weights[i],
    x,
    y,
  }))
  pytorch = reference<{ results: Record<string, unknown>[] }>('energies.py', { cases: eager }).results
}, 300_000)

describe('the tables', () => {
  const operations = invokeNow<string[]>('program.operations', {})

  it('have a form for every operation of programs', () => {
    expect(operations.length).toBeGreaterThan(40)
    expect(operations.filter((op) => !(op in FORMS))).toEqual([])
    expect(operations.filter((op) => !(op in SCRIPT_FORMS))).toEqual([])
    expect(Object.keys(FORMS).sort()).toEqual([...operations].sort())
    expect(Object.keys(SCRIPT_FORMS).sort()).toEqual([...operations].sort())
  })

  it('have a derivative for every operation that has an input', () => {
    const sources = ['input', 'condition', 'constant', 'parameter', 'spectralScale']
    expect(operations.filter((op) => !(op in BACKWARD)).sort()).toEqual([...sources].sort())
  })
})

describe('every energy in onnxruntime', () => {
  const named = single.map((one, i) => [one.subject.name, i] as const)

  it.each(named)('%s: 100 rows and 1 row', async (_name, i) => {
    const one = single[i]!
    const answer = await run(pathOf(i, one), one.x, one.y, axesOf(one, ROWS))
    const shapeOf = (rows: number) => axesOf(one, rows) ?? [rows, one.x[0]!.length]
    expect(answer.energy!.shape).toEqual([ROWS])
    expect(answer.score!.shape).toEqual(shapeOf(ROWS))
    expect(Object.keys(answer).sort()).toEqual(['energy', ...(ours[i]!.logits ? ['logits'] : []), 'score'].sort())
    for (const name of ['energy', 'score', 'logits'] as const) {
      if (answer[name] === undefined) continue
      expect(difference(answer[name].data, ours[i]![name])).toBeLessThan(SINGLE)
      const eager = pytorch[i]![name === 'logits' ? 'outputs' : name]
      expect(difference(answer[name].data, eager)).toBeLessThan(SINGLE)
    }
    const first = await run(pathOf(i, one), one.x.slice(0, 1), one.y?.slice(0, 1) as typeof one.y, axesOf(one, 1))
    const largest = Math.max(...ours[i]!.energy.map(Math.abs))
    expect(first.energy!.shape).toEqual([1])
    expect(Math.abs(first.energy!.data[0]! - ours[i]!.energy[0]!) / largest).toBeLessThan(SINGLE)
    expect(first.score!.shape).toEqual(shapeOf(1))
    // A test of the test: a flipped sign is far away.
    expect(
      difference(
        answer.score!.data,
        ours[i]!.score.map((v) => -v),
      ),
    ).toBeGreaterThan(1)
  })

  it('gives other energies where one weight was changed', async () => {
    const i = single.findIndex(({ subject }) => subject.name === 'mlp, silu')
    await using model = await modelOf(single[i]!)
    const { '2.weight': weight } = await model.parameters()
    const values = weight!.toArray() as Matrix
    values[0]![0]! += 0.5
    await model.setParameters({ '2.weight': values })
    await model.exportOnnx(at('changed.onnx'))
    const answer = await run(at('changed.onnx'), single[i]!.x)
    expect(Object.keys(answer)).toEqual(['energy'])
    expect(difference(answer.energy!.data, ours[i]!.energy)).toBeGreaterThan(100 * SINGLE)
  })
})

describe('every energy in the onnx package', () => {
  it.each(single.map((one, i) => [one.subject.name, i] as const))('%s passes its checker', (_name, i) => {
    const { opset, outputs } = checked[i]!
    expect(opset).toBe(17)
    const largest = Math.max(...ours[i]!.energy.map(Math.abs))
    const energy = outputs.energy as number[]
    const apart = Math.max(...energy.map((value, r) => Math.abs(value - ours[i]!.energy[r]!)))
    expect(apart / largest).toBeLessThan(SINGLE)
  })

  it.each(double.map((one, i) => [one.subject.name, i] as const))('%s in float64', async (_name, i) => {
    const { subject, x, y } = double[i]!
    const { outputs } = checked[single.length + i]!
    // Its erf gives float32, so energies with gelu agree to that; and onnxruntime has no erf in float64.
    const hasErf = /gelu/.test(JSON.stringify(subject.spec))
    for (const name of ['energy', 'score', 'logits'] as const) {
      if (oursInDouble[i]![name] === undefined) continue
      expect(difference(outputs[name], oursInDouble[i]![name])).toBeLessThan(hasErf ? 1e-7 : DOUBLE)
    }
    if (hasErf) return
    const runtime = await run(pathOf(i, double[i]!), x, y, axesOf(double[i]!, x.length), 'float64')
    for (const name of ['energy', 'score', 'logits'] as const) {
      if (oursInDouble[i]![name] === undefined) continue
      expect(difference(runtime[name]!.data, oursInDouble[i]![name])).toBeLessThan(DOUBLE)
    }
  })
})

describe('options', () => {
  const spec = energies.classifier({ input: 3, hidden: [8], classes: 4 })

  it('opset 17 to 21', async () => {
    await using model = await Energy.create(
      energies.sequential({
        input: 3,
        layers: [
          layers.linear({ out: 6 }),
          layers.layerNorm({ affine: false }),
          layers.activation({ activation: 'leakyRelu', negativeSlope: 0.3 }),
          layers.linear({ out: 1 }),
        ],
        gaussianBase: 2,
      }),
      { seed: 1 },
    )
    const x = numbers(20, 3, 3)
    const pathOf = (opset: number) => at(`opset-${opset}.onnx`)
    for (const opset of OPSETS) {
      await model.exportOnnx(pathOf(opset), { opset, score: true })
      const answer = await run(pathOf(opset), x)
      expect(difference(answer.energy!.data, (await model.energy(x)).toArray())).toBeLessThan(SINGLE)
      expect(difference(answer.score!.data, (await model.score(x)).toArray())).toBeLessThan(SINGLE)
    }
    const onnx = OPSETS.map((opset) => ({ path: pathOf(opset), dtype: 'float32', x }))
    const said = reference<{ onnx: Reference[] }>('exchange.py', { onnx }).onnx.map(({ opset }) => opset)
    expect(said).toEqual([17, 18, 19, 20, 21])
  }, 60_000)

  it('y: E(x) of a classifier without it, E(x, y) with it', async () => {
    await using model = await Energy.create(spec, { seed: 2 })
    const x = numbers(10, 3, 4)
    const y = Array.from({ length: 10 }, (_, r) => r % 4)
    await model.exportOnnx(at('free.onnx'))
    await model.exportOnnx(at('joint.onnx'), { y: true })
    const free = await run(at('free.onnx'), x)
    const joint = await run(at('joint.onnx'), x, y)
    expect(difference(free.energy!.data, (await model.energy(x)).toArray())).toBeLessThan(SINGLE)
    expect(difference(joint.energy!.data, (await model.energy(x, { y })).toArray())).toBeLessThan(SINGLE)
    expect(difference(joint.energy!.data, free.energy!.data)).toBeGreaterThan(0.01)
  })

  it('transform: rows in the units of the data, also far from zero, or standardised ones', async () => {
    const x = numbers(50, 2, 5).map(([a, b]) => [2020 + 3 * a!, -1e4 + 50 * b!].map(Math.fround))
    const inputs = describeInputs(fromArrays({ year: x.map((r) => r[0]!), level: x.map((r) => r[1]!) }))
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [16], gaussianBase: 2 }), { inputs })
    await model.exportOnnx(at('inside.onnx'), { score: true })
    await model.exportOnnx(at('outside.onnx'), { transform: false })
    const [energy, score] = [(await model.energy(x)).toArray(), (await model.score(x)).toArray() as Matrix]
    const inside = await run(at('inside.onnx'), x)
    expect(difference(inside.energy!.data, energy)).toBeLessThan(SINGLE)
    // Columns have scores of different sizes.
    for (const k of [0, 1]) {
      const column = inside.score!.data.filter((_, place) => place % 2 === k)
      expect(
        difference(
          column,
          score.map((row) => row[k]),
        ),
      ).toBeLessThan(SINGLE)
    }
    const { mean, scale } = inputs.transform!
    const z = x.map((row) => row.map((value, k) => (value! - mean[k]!) / scale[k]!))
    const outside = await run(at('outside.onnx'), z)
    const shift = scale.reduce((sum, s) => sum + Math.log(s), 0)
    expect(
      difference(
        outside.energy!.data.map((e) => e + shift),
        energy,
      ),
    ).toBeLessThan(SINGLE)
  })

  it('a network gives its outputs, and rows may have axes', async () => {
    await using network = await Network.create(networks.mlp({ input: [2, 3], output: 4, hidden: [8] }), { seed: 3 })
    await network.exportOnnx(at('network.onnx'))
    const x = numbers(5, 6, 6)
    const answer = await run(at('network.onnx'), x, undefined, [5, 2, 3])
    expect(answer.outputs!.shape).toEqual([5, 4])
    expect(difference(answer.outputs!.data, (await network.outputs(x)).toArray())).toBeLessThan(SINGLE)
  })

  it('writes the same bytes each time, with what the model is', async () => {
    await using model = await Energy.create(spec, { seed: 2 })
    await model.exportOnnx(at('one.onnx'))
    await model.exportOnnx(at('two.onnx'))
    const bytes = readFileSync(at('one.onnx'))
    expect(bytes.equals(readFileSync(at('two.onnx')))).toBe(true)
    expect(bytes.includes(JSON.stringify(model.spec))).toBe(true)
  })

  it('refuses what has no meaning', async () => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
    const refused = async (promise: Promise<unknown>) => (await rejection(() => promise)).code
    expect(await refused(model.exportOnnx(at('no.onnx'), { opset: 12 }))).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(await refused(model.exportOnnx(at('no.onnx'), { y: true }))).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(await refused(model.exportOnnx(at('no.onnx'), { score: 1 as never }))).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(await refused(model.exportOnnx(at('no/where.onnx')))).toBe('ERR_LANGEVIN_IO')
    await using network = await Network.create(networks.mlp({ input: 2, output: 1, hidden: [4] }))
    expect(await refused(network.exportOnnx(at('no.onnx'), { score: true }))).toBe('ERR_LANGEVIN_INVALID_OPTION')
    await using half = await Energy.create(energies.mlp({ input: 2, hidden: [4] }), { dtype: 'bfloat16' })
    const error = await rejection(() => half.exportOnnx(at('no.onnx')))
    expect(error.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect(error.message).toContain("{ dtype: 'float32' }")
    model.dispose()
    expect(await refused(model.exportOnnx(at('no.onnx')))).toBe('ERR_LANGEVIN_DISPOSED')
  })

  it('has the score of PyTorch where a derivative jumps', async () => {
    const { abs, maximum, minimum, norm, pow, where } = expr
    const kinks = energies.expression(
      ([a, b]) => {
        const pair = maximum(a!, b!).mul(3).add(minimum(a!, b!))
        const single = abs(a!)
          .add(a!.relu())
          .add(norm(expr.concat(a!, b!)))
        return pair
          .add(single)
          .add(pow(b!, 0))
          .add(where(a!.ge(b!), a!, b!.mul(2)))
      },
      { input: 2 },
    )
    await using model = await Energy.create(kinks)
    await model.exportOnnx(at('kinks.onnx'), { score: true })
    const x = [
      [0, 0],
      [1, 1],
      [-1, -1],
      [0, 2],
    ]
    const answer = await run(at('kinks.onnx'), x)
    const { results } = reference<{ results: { score: Matrix }[] }>('energies.py', {
      cases: [{ spec: kinks, dtype: 'float32', x }],
    })
    expect(difference(answer.score!.data, results[0]!.score)).toBeLessThan(SINGLE)
    expect(difference(answer.score!.data, (await model.score(x)).toArray())).toBeLessThan(SINGLE)
  })

  it('has every digit of softplus far below zero, in float64', async () => {
    const formula = energies.expression(([a]) => a!.softplus(), { input: 1 })
    await using model = await Energy.create(formula, { dtype: 'float64' })
    await model.exportOnnx(at('softplus.onnx'))
    const x = [[-50], [-30], [-1e-9], [0], [19.9], [20.1], [700]]
    const { energy } = await run(at('softplus.onnx'), x, undefined, undefined, 'float64')
    const exact = x.map(([v]) => (v! > 20 ? v! : Math.max(v!, 0) + Math.log1p(Math.exp(-Math.abs(v!)))))
    for (const [k, value] of energy!.data.entries()) expect(Math.abs(value / exact[k]! - 1)).toBeLessThan(4e-16)
  })

  it('stays finite where logits are large, and takes no rows', async () => {
    await using model = await Energy.create(energies.classifier({ input: 1, hidden: [], classes: 3 }))
    await model.setParameters({ '0.weight': [[1000], [0], [-1000]], '0.bias': [0, 0, 0] })
    await model.exportOnnx(at('large.onnx'), { score: true })
    const answer = await run(at('large.onnx'), [[1], [-1]])
    expect(answer.energy!.data).toEqual([-1000, -1000])
    expect(answer.score!.data).toEqual([1000, -1000])
    const none = await run(at('large.onnx'), [], undefined, [0, 1])
    expect(none.energy!.shape).toEqual([0])
    expect(none.score!.shape).toEqual([0, 1])
  })

  it('knows an answer', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [1], precision: [2] }))
    await model.exportOnnx(at('gaussian.onnx'), { score: true })
    const answer = await run(at('gaussian.onnx'), [[3]])
    // (3 - 1)^2 * 2 / 2 and -2 (3 - 1)
    expect(answer.energy!.data).toEqual([4])
    expect(answer.score!.data).toEqual([-4])
  })
})
