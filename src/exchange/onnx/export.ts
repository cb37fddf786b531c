/** Writes a program with its parameters as an ONNX model. */

import type { Inputs } from '../../data/inputs.js'
import { LangevinError } from '../../errors.js'
import { dependingOn, neededBy, noForm, type Program, type Standardisation, type Weighted } from '../program.js'
import type { GraphValue, OperationCall } from './call.js'
import { type Axis, ELEMENT, type ElementType, encodeModel, type OnnxValue } from './format.js'
import { BACKWARD } from './gradients.js'
import { OnnxGraph, type Stored } from './graph.js'
import { FORMS } from './operations.js'

/** Opsets that the tests run, and the oldest version of the file format that has them. */
const IR_VERSION: Readonly<Record<number, number>> = { 17: 8, 18: 8, 19: 9, 20: 9, 21: 10 }
export const OPSETS: readonly number[] = Object.keys(IR_VERSION).map(Number)
export const DEFAULT_OPSET = 17

/** A message of protobuf ends below 2 GiB. */
const MOST_BYTES = 2 ** 31 - 1

export interface OnnxPlan {
  readonly family: 'energy' | 'network'
  readonly dtype: 'float32' | 'float64'
  readonly opset: number
  /** Adds the output `score`. */
  readonly score: boolean
  /** Of an energy whose y may be left out: E(x, y) instead of E(x). */
  readonly joint: boolean
  readonly standardise: Standardisation | undefined
  readonly inputs: Inputs | undefined
  readonly spec: unknown
  readonly version: string
}

/** One model on its way into a graph. */
class Translation {
  readonly graph: OnnxGraph
  readonly values = new Map<number, GraphValue>()
  readonly #calls = new Map<number, OperationCall>()
  readonly #parameters = new Map<number, Stored>()
  readonly #constants = new Map<number, Stored>()
  #rows: string | undefined

  constructor(
    readonly weighted: Weighted,
    readonly plan: OnnxPlan,
  ) {
    this.graph = new OnnxGraph(plan.dtype, plan.opset)
  }

  get program(): Program {
    return this.weighted.program
  }

  get width(): number {
    return this.program.input.reduce((product, size) => product * size, 1)
  }

  /** The axes of x in the file, flat inside the graph. */
  flatX(): string {
    return this.program.input.length > 1 ? this.graph.op('Flatten', ['x'], { axis: 1 }) : 'x'
  }

  /** x in the units of the network. The mean is two numbers, so that no digit of a large x is lost in float32. */
  standardisedX(x: string): string {
    const { graph, plan } = this
    if (plan.standardise === undefined) return x
    const { mean, scale } = plan.standardise
    const round = plan.dtype === 'float32' ? Math.fround : (value: number) => value
    const rest = mean.map((value) => value - round(value))
    const row = [1, mean.length]
    let shifted = graph.sub(x, graph.numbers(mean.map(round), row))
    if (rest.some((value) => value !== 0)) shifted = graph.sub(shifted, graph.numbers(rest, row))
    return graph.div(shifted, graph.numbers(scale, row))
  }

  forward(index: number, x: string, perRow: boolean): void {
    const node = this.program.nodes[index]!
    const form = FORMS[node.op]
    if (form === undefined) throw noForm('ONNX', this.program, node.op)
    const call: OperationCall = {
      graph: this.graph,
      node,
      inputs: node.inputs.map((input) => this.values.get(input)!),
      parameters: node.parameters.map((place) => this.#parameter(place)),
      constants: node.constants.map((place) => this.#constant(place)),
      x,
      y: 'y',
      expand: (value) => this.expand(value),
    }
    this.#calls.set(index, call)
    this.values.set(index, { name: form(call), width: node.width, perRow })
  }

  /** dE/dx, in the columns of x as the network has them; by the chain rule from the energy back. */
  backward(energy: number, needed: readonly number[]): string {
    const { graph } = this
    const active = dependingOn(this.program, 'input')
    const gradients = new Map<number, string>([[energy, graph.numbers([1], [1, 1])]])
    for (const index of [...needed].reverse()) {
      const gradient = gradients.get(index)
      const { op, inputs } = this.program.nodes[index]!
      if (gradient === undefined || !active.has(index)) continue
      if (op === 'input') return gradient
      const rule = BACKWARD[op]
      if (rule === undefined) throw noGradient(this.program, op)
      const parts = rule(this.#calls.get(index)!, gradient, this.values.get(index)!.name)
      for (const [k, input] of inputs.entries()) {
        if (!active.has(input)) continue
        const part = parts[k]
        if (part === undefined) continue
        const own = this.#ownColumns(part, index, input)
        const before = gradients.get(input)
        gradients.set(input, before === undefined ? own : graph.add(before, own))
      }
    }
    return graph.numbers(Array<number>(this.width).fill(0), [1, this.width])
  }

  /** A single column that was spread over several gets the sum of their derivatives. */
  #ownColumns(gradient: string, index: number, input: number): string {
    const [given, taken] = [this.program.nodes[index]!, this.program.nodes[input]!]
    const spreads = SPREADING.has(given.op) && taken.width === 1 && given.width > 1
    return spreads ? this.graph.reduce('Sum', gradient) : gradient
  }

  #parameter(place: number): Stored {
    const known = this.#parameters.get(place)
    if (known !== undefined) return known
    const name = this.program.parameters[place]!
    const value = this.weighted.weights[name]!
    const stored = this.graph.store(name, value.toTypedArray() as Float32Array, value.shape)
    this.#parameters.set(place, stored)
    return stored
  }

  #constant(place: number): Stored {
    const known = this.#constants.get(place)
    if (known !== undefined) return known
    const value = this.program.constants[place]!
    const stored = this.graph.store(`program_${place}`, value.toTypedArray() as Float64Array, value.shape)
    this.#constants.set(place, stored)
    return stored
  }

  expand({ name, width }: GraphValue): string {
    this.#rows ??= this.graph.op('Slice', [
      this.graph.op('Shape', ['x']),
      this.graph.integers([0]),
      this.graph.integers([1]),
    ])
    const shape = this.graph.op('Concat', [this.#rows, this.graph.integers([width])], { axis: 0 })
    return this.graph.op('Expand', [name, shape])
  }

  /** A value for every row. */
  ofEveryRow(index: number): string {
    const value = this.values.get(index)!
    return value.perRow ? value.name : this.expand(value)
  }
}

/** Operations whose operands spread over each other's columns. */
const SPREADING: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'where'])

function noGradient(program: Program, op: string): LangevinError {
  return new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `the operation '${op}' of this ${program.kind} model has no derivative in ONNX; export it without { score: true }`,
    { details: { operation: op } },
  )
}

const rowAxis: Axis = { dimParam: 'n' }

function described(name: string, type: ElementType, axes: readonly number[], docString: string): OnnxValue {
  const dim = [rowAxis, ...axes.map((dimValue) => ({ dimValue }))]
  return { name, docString, type: { tensorType: { elemType: ELEMENT[type], shape: { dim } } } }
}

function inputsOf({ program, plan }: Translation, hasY: boolean): OnnxValue[] {
  const { columns, units } = plan.inputs ?? {}
  const names = columns === undefined ? '' : `, columns ${columns.join(', ')}`
  const scale = plan.standardise === undefined ? 'in the units of the network' : 'in the units of the data'
  const x = described(
    'x',
    plan.dtype,
    program.input,
    `rows ${scale}${names}${units ? `; ${JSON.stringify(units)}` : ''}`,
  )
  if (!hasY) return [x]
  const { kind, width } = program.condition
  const y =
    kind === 'class'
      ? described('y', 'int64', [], `class numbers 0 to ${width - 1}`)
      : described('y', plan.dtype, [width], 'the condition')
  return [x, y]
}

/** Adds the outputs of the model to the graph. */
function outputsOf(t: Translation, energy: number, needed: readonly number[]): OnnxValue[] {
  const { graph, plan, program } = t
  const outputs: OnnxValue[] = []
  if (energy >= 0) {
    const shift = plan.standardise?.logScale ?? 0
    const column = t.ofEveryRow(energy)
    const shifted = shift === 0 ? column : graph.add(column, graph.numbers([shift]))
    graph.named('energy', 'Squeeze', [shifted, graph.integers([1])])
    outputs.push(described('energy', plan.dtype, [], 'E of every row: low where rows are probable'))
  }
  if (program.outputs >= 0) {
    const name = plan.family === 'energy' ? 'logits' : 'outputs'
    graph.named(name, 'Identity', [t.ofEveryRow(program.outputs)])
    outputs.push(described(name, plan.dtype, [program.nodes[program.outputs]!.width], `${name} of every row`))
  }
  if (plan.score) {
    const inner = t.backward(energy, needed)
    const gradient =
      plan.standardise === undefined ? inner : graph.div(inner, graph.numbers(plan.standardise.scale, [1, t.width]))
    const rows = graph.op('Expand', [graph.op('Neg', [gradient]), graph.op('Shape', [t.flatX()])])
    graph.named('score', 'Reshape', [rows, graph.op('Shape', ['x'])])
    outputs.push(described('score', plan.dtype, program.input, '-dE/dx of every row'))
  }
  return outputs
}

/**
 * The bytes of an ONNX model: input x [n, d] (and y), outputs energy [n], logits [n, k] and score [n, d] where they are asked for.
 *
 * @throws ERR_LANGEVIN_UNSUPPORTED for an operation without a form in ONNX, and a model of 2 GiB
 */
export function onnxModel(weighted: Weighted, plan: OnnxPlan): Uint8Array {
  const { program } = weighted
  const t = new Translation(weighted, plan)
  const energy = plan.joint && program.jointEnergy >= 0 ? program.jointEnergy : program.energy
  const needed = neededBy(
    program,
    [energy, program.outputs].filter((index) => index >= 0),
  )
  const x = t.standardisedX(t.flatX())
  const [ofX, ofY] = [dependingOn(program, 'input'), dependingOn(program, 'condition')]
  for (const index of needed) t.forward(index, x, ofX.has(index) || ofY.has(index))
  const outputs = outputsOf(t, energy, needed)
  const hasY = needed.some((index) => program.nodes[index]!.op === 'condition')
  const { graph } = t
  const bytes = graph.initializers.reduce((sum, { rawData }) => sum + rawData.byteLength, 0)
  if (bytes > MOST_BYTES) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `an ONNX file ends at 2 GiB, and the parameters of this ${program.kind} model take ${bytes} bytes; save() has no such limit`,
      { details: { bytes } },
    )
  }
  return encodeModel({
    irVersion: IR_VERSION[plan.opset]!,
    opsetImport: [{ domain: '', version: plan.opset }],
    producerName: 'langevin',
    producerVersion: plan.version,
    docString: `${program.kind} ${plan.family}`,
    metadataProps: metadata(plan),
    graph: {
      name: program.kind,
      node: graph.nodes,
      initializer: graph.initializers,
      input: inputsOf(t, hasY),
      output: outputs,
    },
  })
}

/** For people and tools that look the model up: a runtime reads none of it. */
function metadata({ spec, inputs }: OnnxPlan): { key: string; value: string }[] {
  return [
    { key: 'langevin.spec', value: JSON.stringify(spec) },
    ...(inputs === undefined ? [] : [{ key: 'langevin.inputs', value: JSON.stringify(inputs) }]),
  ]
}
