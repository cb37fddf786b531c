/** Operations of programs as ONNX operations: one row each, with the name the core has for it. */
import type { OperationCall } from './call.js'
import type { OnnxGraph, Stored } from './graph.js'
import { conv2d, convTranspose2d, maxPool2d, sumPool2d, transpose, upsample2d } from './images.js'

type Form = (c: OperationCall) => string

/** One ONNX operation of the same inputs. */
const direct =
  (opType: string): Form =>
  ({ graph, inputs }) =>
    graph.op(
      opType,
      inputs.map(({ name }) => name),
    )
const compare =
  (opType: string): Form =>
  ({ graph, inputs: [a, b] }) =>
    graph.asNumber(graph.op(opType, [a!.name, b!.name]))

function layerNorm({ graph, node, inputs: [x], parameters: [weight, bias] }: OperationCall): string {
  const epsilon = node.numbers[0]!
  if (graph.dtype === 'float32') {
    // Without learned scales the operation still asks for them.
    const scale = weight?.name ?? graph.numbers(Array<number>(node.width).fill(1), [node.width])
    const more = bias === undefined ? [] : [bias.name]
    return graph.op('LayerNormalization', [x!.name, scale, ...more], { axis: -1, epsilon: { float: epsilon } })
  }
  // Attributes are float32, too coarse an epsilon for float64.
  const { standard } = standardised(graph, x!.name, epsilon)
  const scaled = weight === undefined ? standard : graph.mul(standard, weight.name)
  return bias === undefined ? scaled : graph.add(scaled, bias.name)
}

/** Rows with mean 0 and variance 1, and one over the standard deviation they had. */
export function standardised(graph: OnnxGraph, x: string, epsilon: number): { standard: string; inverse: string } {
  const centred = graph.sub(x, graph.reduce('Mean', x))
  const variance = graph.reduce('Mean', graph.mul(centred, centred))
  const sd = graph.op('Sqrt', [graph.add(variance, graph.numbers([epsilon]))])
  return { standard: graph.div(centred, sd), inverse: graph.op('Reciprocal', [sd]) }
}

/** ReduceLogSumExp is computed without its maximum by some runtimes, and then overflows. */
function logsumexp({ graph, inputs: [x] }: OperationCall): string {
  const most = graph.reduce('Max', x!.name)
  const sum = graph.reduce('Sum', graph.op('Exp', [graph.sub(x!.name, most)]))
  return graph.add(graph.op('Log', [sum]), most)
}

function concat({ graph, inputs, expand }: OperationCall): string {
  const perRow = inputs.some((input) => input.perRow)
  const parts = inputs.map((input) => (perRow && !input.perRow ? expand(input) : input.name))
  return graph.op('Concat', parts, { axis: 1 })
}

/** (x - m_k) s_k as [n, k, d]. */
export function apart({ graph, node, inputs: [x], constants: [means] }: OperationCall): string {
  const difference = graph.sub(graph.unsqueeze(x!.name, 1), means!.name)
  return graph.mul(difference, graph.numbers(node.numbers, [1, node.numbers.length, 1]))
}

function distances(c: OperationCall): string {
  const difference = apart(c)
  return c.graph.reduce('Sum', c.graph.mul(difference, difference), { axis: 2, keep: false })
}

function blockSums({ graph, node, inputs: [x] }: OperationCall): string {
  const blocks = graph.op('Reshape', [x!.name, graph.integers([0, node.width, x!.width / node.width])])
  return graph.reduce('Sum', blocks, { axis: 2, keep: false })
}

function quadratic({ graph, inputs: [x, mean, precision] }: OperationCall): string {
  const z = graph.sub(x!.name, mean!.name)
  const product = graph.op('Gemm', [z, precision!.name])
  return graph.times(graph.reduce('Sum', graph.mul(product, z)), 0.5)
}

function pairwise({ graph, inputs: [x], parameters: [coupling, field], constants: [mask] }: OperationCall): string {
  const pairs = graph.mul(coupling!.name, mask!.name)
  const halves = graph.op('Gemm', [x!.name, pairs, field!.name], { alpha: { float: 0.5 } })
  return graph.op('Neg', [graph.reduce('Sum', graph.mul(halves, x!.name))])
}

/** PyTorch's softplus is x itself beyond this. */
export const SOFTPLUS_LINEAR = 20

function softplus({ graph, inputs: [x] }: OperationCall): string {
  const large = graph.op('Greater', [x!.name, graph.numbers([SOFTPLUS_LINEAR])])
  const smooth = graph.dtype === 'float32' ? graph.op('Softplus', [x!.name]) : wideSoftplus(graph, x!.name)
  return graph.op('Where', [large, x!.name, smooth])
}

/** max(x, 0) + log(1 + t) with t = exp(-|x|): onnxruntime has no Softplus in float64. */
function wideSoftplus(graph: OnnxGraph, x: string): string {
  const t = graph.op('Exp', [graph.op('Neg', [graph.op('Abs', [x])])])
  // log(1 + t) without what 1 + t loses: log(u) t / (u - 1), u being 1 + t as it is stored (Kahan; HP-15C manual, 1982).
  const one = graph.numbers([1])
  const u = graph.add(t, one)
  const quotient = graph.div(graph.mul(graph.op('Log', [u]), t), graph.sub(u, one))
  const log1p = graph.op('Where', [graph.op('Equal', [u, one]), t, quotient])
  return graph.add(graph.op('Relu', [x]), log1p)
}

/** The standard normal distribution function. */
export function normalCdf(graph: OnnxGraph, x: string): string {
  const erf = graph.op('Erf', [graph.times(x, Math.SQRT1_2)])
  return graph.times(graph.add(erf, graph.numbers([1])), 0.5)
}

function leakyRelu({ graph, node, inputs: [x] }: OperationCall): string {
  const slope = node.numbers[0]!
  if (graph.dtype === 'float32') return graph.op('LeakyRelu', [x!.name], { alpha: { float: slope } })
  const positive = graph.op('Greater', [x!.name, graph.numbers([0])])
  return graph.op('Where', [positive, x!.name, graph.times(x!.name, slope)])
}

function scale({ graph, node, inputs: [x] }: OperationCall): string {
  const [factor, shift] = node.numbers as [number, number]
  const scaled = factor === 1 ? x!.name : graph.times(x!.name, factor)
  return shift === 0 ? scaled : graph.add(scaled, graph.numbers([shift]))
}

/** Products are Gemm, not MatMul: onnxruntime moves a factor beside a MatMul into it, as float32 also where the model is float64. */
function linear({ graph, inputs: [x], parameters }: OperationCall): string {
  return graph.op('Gemm', [x!.name, ...parameters.map(({ name }) => name)], { transB: 1 })
}

/** c / (u' W v) */
function spectralScale({ graph, node, parameters: [w, u, v] }: OperationCall): string {
  const norm = graph.op('MatMul', [u!.name, graph.op('MatMul', [w!.name, v!.name])])
  return graph.op('Reshape', [graph.div(graph.numbers([node.numbers[0]!]), norm), graph.integers([1, 1])])
}

/** A row, or a matrix as it is. */
const asRow = ({ graph }: OperationCall, { name, shape }: Stored): string =>
  shape.length > 1 ? name : graph.op('Reshape', [name, graph.integers([1, -1])])

export const FORMS: Readonly<Record<string, Form>> = {
  // Sources.
  input: ({ x }) => x,
  condition: ({ y }) => y,
  constant: (c) => asRow(c, c.constants[0]!),
  parameter: (c) => asRow(c, c.parameters[0]!),
  spectralScale,
  // Layers. Dropout is for training alone.
  linear,
  layerNorm,
  embedding: ({ graph, inputs: [label], parameters: [table] }) => graph.op('Gather', [table!.name, label!.name]),
  dropout: ({ inputs: [x] }) => x!.name,
  // Of images.
  conv2d,
  convTranspose2d,
  sumPool2d,
  maxPool2d,
  upsample2d,
  transpose,
  // Over the columns of a row.
  sum: ({ graph, inputs: [x] }) => graph.reduce('Sum', x!.name),
  mean: ({ graph, inputs: [x] }) => graph.reduce('Mean', x!.name),
  logsumexp,
  logSoftmax: ({ graph, inputs: [x] }) => graph.op('LogSoftmax', [x!.name], { axis: 1 }),
  matmul: ({ graph, inputs: [x], constants: [matrix] }) => graph.op('Gemm', [x!.name, matrix!.name]),
  slice: ({ graph, node, inputs: [x] }) => graph.slice(x!.name, node.integers[0]!, node.width),
  columns: ({ graph, node, inputs: [x] }) => graph.op('Gather', [x!.name, graph.integers(node.integers)], { axis: 1 }),
  concat,
  gather: ({ graph, inputs: [values, label] }) =>
    graph.op('GatherElements', [values!.name, graph.unsqueeze(label!.name, 1)], { axis: 1 }),
  norm: ({ graph, inputs: [x] }) => graph.reduce('L2', x!.name),
  quadratic,
  distances,
  blockSums,
  pairwise,
  // Elementwise.
  add: direct('Add'),
  sub: direct('Sub'),
  mul: direct('Mul'),
  div: direct('Div'),
  neg: direct('Neg'),
  scale,
  square: ({ graph, inputs: [x] }) => graph.mul(x!.name, x!.name),
  sqrt: direct('Sqrt'),
  exp: direct('Exp'),
  log: direct('Log'),
  sin: direct('Sin'),
  cos: direct('Cos'),
  abs: direct('Abs'),
  pow: ({ graph, node, inputs: [x] }) => graph.op('Pow', [x!.name, graph.numbers([node.numbers[0]!])]),
  maximum: direct('Max'),
  minimum: direct('Min'),
  gt: compare('Greater'),
  ge: compare('GreaterOrEqual'),
  lt: compare('Less'),
  le: compare('LessOrEqual'),
  where: ({ graph, inputs: [condition, yes, no] }) => {
    const zero = graph.op('Equal', [condition!.name, graph.numbers([0])])
    return graph.op('Where', [zero, no!.name, yes!.name])
  },
  // Activations.
  silu: ({ graph, inputs: [x] }) => graph.mul(x!.name, graph.op('Sigmoid', [x!.name])),
  gelu: ({ graph, inputs: [x] }) => graph.mul(x!.name, normalCdf(graph, x!.name)),
  tanh: direct('Tanh'),
  sigmoid: direct('Sigmoid'),
  softplus,
  relu: direct('Relu'),
  leakyRelu,
}
