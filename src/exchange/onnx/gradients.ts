/** Derivatives of the operations in reverse mode, as ONNX operations: the conventions at kinks are those of PyTorch. */
import type { Backward, OperationCall } from './call.js'
import type { OnnxGraph } from './graph.js'
import {
  conv2dBackward,
  convTranspose2dBackward,
  maxPool2dBackward,
  sumPool2dBackward,
  transposeBackward,
  upsample2dBackward,
} from './images.js'
import { apart, normalCdf, SOFTPLUS_LINEAR, standardised } from './operations.js'

const ones = (graph: OnnxGraph, width: number): string => graph.numbers(Array<number>(width).fill(1), [1, width])

/** A single column spread over all columns of the input. */
const spread = ({ graph, inputs: [x] }: OperationCall, column: string): string =>
  x!.width === 1 ? column : graph.mul(column, ones(graph, x!.width))

/** An elementwise function of one value: its derivative. */
const slope =
  (derivative: (graph: OnnxGraph, x: string, value: string, c: OperationCall) => string): Backward =>
  (c, gradient, value) => [c.graph.mul(gradient, derivative(c.graph, c.inputs[0]!.name, value, c))]

/** a b with the derivative at ties shared, as in PyTorch. */
const chosen =
  (first: 'Greater' | 'Less'): Backward =>
  ({ graph, inputs: [a, b] }, gradient) => {
    const tie = graph.times(graph.asNumber(graph.op('Equal', [a!.name, b!.name])), 0.5)
    const share = graph.add(graph.asNumber(graph.op(first, [a!.name, b!.name])), tie)
    return [graph.mul(gradient, share), graph.mul(gradient, graph.sub(graph.numbers([1]), share))]
  }

const oneMinus = (graph: OnnxGraph, value: string): string => graph.sub(graph.numbers([1]), value)
const positive = (graph: OnnxGraph, x: string): string => graph.op('Greater', [x, graph.numbers([0])])

/** y = x* w + b with x* = (x - mean) / s: (g - mean g - x* mean(g x*)) / s, g being dE/dy w. */
const layerNorm: Backward = ({ graph, node, inputs: [x], parameters: [weight] }, gradient) => {
  const { standard, inverse } = standardised(graph, x!.name, node.numbers[0]!)
  // A gradient with one row gets those of x here, so that its means are of every row.
  const scaled = weight === undefined ? gradient : graph.mul(gradient, weight.name)
  const along = graph.mul(standard, graph.reduce('Mean', graph.mul(scaled, standard)))
  const centred = graph.sub(graph.sub(scaled, graph.reduce('Mean', scaled)), along)
  return [graph.mul(centred, inverse)]
}

/** Column i of the value goes to column integers[i]; one that was taken several times adds up. */
const columns: Backward = ({ graph, node, inputs: [x] }, gradient) => {
  const takers = Array.from({ length: x!.width }, (): number[] => [])
  for (const [place, column] of node.integers.entries()) takers[column]!.push(place)
  const none = node.integers.length // the column of zeros
  const padded = graph.padColumns(gradient, 0, 1)
  const rounds = Math.max(...takers.map(({ length }) => length))
  const parts = Array.from({ length: rounds }, (_, round) => {
    const index = takers.map((places) => places[round] ?? none)
    return graph.op('Gather', [padded, graph.integers(index)], { axis: 1 })
  })
  return [parts.reduce(graph.add)]
}

const concat: Backward = ({ graph, inputs }, gradient) => {
  let first = 0
  return inputs.map(({ width }) => {
    first += width
    return graph.slice(gradient, first - width, width)
  })
}

const slice: Backward = ({ graph, node, inputs: [x] }, gradient) => {
  const first = node.integers[0]!
  return [graph.padColumns(gradient, first, x!.width - first - node.width)]
}

const gather: Backward = ({ graph, inputs: [values, label] }, gradient) => {
  const classes = graph.integers(Array.from({ length: values!.width }, (_, k) => k))
  const chosen = graph.asNumber(graph.op('Equal', [graph.unsqueeze(label!.name, 1), classes]))
  return [graph.mul(gradient, chosen), undefined]
}

/** x / |x|, and 0 at the zero row. */
const norm: Backward = ({ graph, inputs: [x] }, gradient, value) => {
  const direction = graph.div(x!.name, value)
  const atZero = graph.op('Equal', [value, graph.numbers([0])])
  return [graph.mul(gradient, graph.op('Where', [atZero, graph.numbers([0]), direction]))]
}

/** (P + P') (x - m) / 2; m and P are parameters. */
const quadratic: Backward = ({ graph, inputs: [x, mean, precision] }, gradient) => {
  const z = graph.sub(x!.name, mean!.name)
  const there = graph.op('Gemm', [z, precision!.name])
  const back = graph.op('Gemm', [z, precision!.name], { transB: 1 })
  return [graph.mul(gradient, graph.times(graph.add(there, back), 0.5))]
}

/** Sum over k of 2 s_k^2 (x - m_k), each times its own gradient. */
const distances: Backward = (c, gradient) => {
  const { graph, node } = c
  const each = graph.mul(apart(c), graph.numbers(node.numbers, [1, node.numbers.length, 1]))
  const weighted = graph.mul(graph.unsqueeze(graph.times(gradient, 2), 2), each)
  return [graph.reduce('Sum', weighted, { axis: 1, keep: false })]
}

const blockSums: Backward = ({ graph, node, inputs: [x] }, gradient) => {
  const per = x!.width / node.width
  const blocks = Array.from({ length: x!.width }, (_, column) => Math.floor(column / per))
  return [graph.op('Gather', [gradient, graph.integers(blocks)], { axis: 1 })]
}

/** -(h + (C + C') x / 2), C being coupling * mask. */
const pairwise: Backward = ({ graph, inputs: [x], parameters: [coupling, field], constants: [mask] }, gradient) => {
  const pairs = graph.mul(coupling!.name, mask!.name)
  const half = { alpha: { float: 0.5 } }
  const there = graph.op('Gemm', [x!.name, pairs, field!.name], half)
  const back = graph.op('Gemm', [x!.name, pairs], { ...half, transB: 1 })
  return [graph.op('Neg', [graph.mul(gradient, graph.add(there, back))])]
}

const pow: Backward = slope((graph, x, _value, { node }) => {
  const exponent = node.numbers[0]!
  // 0 x^-1 would be NaN at 0.
  if (exponent === 0) return graph.numbers([0])
  return graph.times(graph.op('Pow', [x, graph.numbers([exponent - 1])]), exponent)
})

const silu = slope((graph, x) => {
  const s = graph.op('Sigmoid', [x])
  return graph.mul(s, graph.add(graph.mul(x, oneMinus(graph, s)), graph.numbers([1])))
})

const gelu = slope((graph, x) => {
  const density = graph.times(graph.op('Exp', [graph.times(graph.mul(x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI))
  return graph.add(normalCdf(graph, x), graph.mul(x, density))
})

const softplus = slope((graph, x) => {
  const large = graph.op('Greater', [x, graph.numbers([SOFTPLUS_LINEAR])])
  return graph.op('Where', [large, graph.numbers([1]), graph.op('Sigmoid', [x])])
})

/** Piecewise constant: no gradient. */
const flat: Backward = () => [undefined, undefined]

export const BACKWARD: Readonly<Record<string, Backward>> = {
  linear: ({ graph, parameters: [weight] }, gradient) => [graph.op('Gemm', [gradient, weight!.name])],
  layerNorm,
  conv2d: conv2dBackward,
  convTranspose2d: convTranspose2dBackward,
  sumPool2d: sumPool2dBackward,
  maxPool2d: maxPool2dBackward,
  upsample2d: upsample2dBackward,
  transpose: transposeBackward,
  embedding: () => [undefined],
  dropout: (_, gradient) => [gradient],
  sum: (c, gradient) => [spread(c, gradient)],
  mean: (c, gradient) => [spread(c, c.graph.times(gradient, 1 / c.inputs[0]!.width))],
  logsumexp: ({ graph, inputs: [x] }, gradient, value) => [
    graph.mul(gradient, graph.op('Exp', [graph.sub(x!.name, value)])),
  ],
  logSoftmax: ({ graph }, gradient, value) => {
    const along = graph.mul(graph.op('Exp', [value]), graph.reduce('Sum', gradient))
    return [graph.sub(gradient, along)]
  },
  matmul: ({ graph, constants: [matrix] }, gradient) => [graph.op('Gemm', [gradient, matrix!.name], { transB: 1 })],
  slice,
  columns,
  concat,
  gather,
  norm,
  quadratic,
  distances,
  blockSums,
  pairwise,
  add: (_, gradient) => [gradient, gradient],
  sub: ({ graph }, gradient) => [gradient, graph.op('Neg', [gradient])],
  mul: ({ graph, inputs: [a, b] }, gradient) => [graph.mul(gradient, b!.name), graph.mul(gradient, a!.name)],
  div: ({ graph, inputs: [, b] }, gradient, value) => {
    const over = graph.div(gradient, b!.name)
    return [over, graph.op('Neg', [graph.mul(over, value)])]
  },
  neg: ({ graph }, gradient) => [graph.op('Neg', [gradient])],
  scale: ({ graph, node }, gradient) => [node.numbers[0] === 1 ? gradient : graph.times(gradient, node.numbers[0]!)],
  square: slope((graph, x) => graph.times(x, 2)),
  sqrt: slope((graph, _x, value) => graph.div(graph.numbers([0.5]), value)),
  exp: slope((_graph, _x, value) => value),
  log: slope((graph, x) => graph.op('Reciprocal', [x])),
  sin: slope((graph, x) => graph.op('Cos', [x])),
  cos: slope((graph, x) => graph.op('Neg', [graph.op('Sin', [x])])),
  abs: slope((graph, x) => graph.op('Sign', [x])),
  pow,
  maximum: chosen('Greater'),
  minimum: chosen('Less'),
  gt: flat,
  ge: flat,
  lt: flat,
  le: flat,
  where: ({ graph, inputs: [condition] }, gradient) => {
    const nothing = graph.numbers([0])
    const zero = graph.op('Equal', [condition!.name, nothing])
    return [undefined, graph.op('Where', [zero, nothing, gradient]), graph.op('Where', [zero, gradient, nothing])]
  },
  silu,
  gelu,
  tanh: slope((graph, _x, value) => oneMinus(graph, graph.mul(value, value))),
  sigmoid: slope((graph, _x, value) => graph.mul(value, oneMinus(graph, value))),
  softplus,
  relu: slope((graph, x) => graph.asNumber(positive(graph, x))),
  leakyRelu: slope((graph, x, _value, { node }) =>
    graph.op('Where', [positive(graph, x), graph.numbers([1]), graph.numbers([node.numbers[0]!])]),
  ),
}
