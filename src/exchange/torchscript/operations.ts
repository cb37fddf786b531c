/** Operations of programs as expressions of TorchScript: one row each, with the name the core has for it. */
import { type ProgramNode, windowsOf } from '../program.js'

/** What the expression of an operation is made from: each text is an expression itself. */
export interface ScriptCall {
  readonly node: ProgramNode
  /** Values [n, width], or [1, width] where they are of no row. */
  readonly inputs: readonly ScriptValue[]
  readonly parameters: readonly string[]
  readonly constants: readonly string[]
  /** Numbers [1, k], or indices, kept with the module. */
  numbers(values: readonly number[]): string
  indices(values: readonly number[]): string
}

export interface ScriptValue {
  readonly text: string
  readonly width: number
  readonly perRow: boolean
}

type Form = (c: ScriptCall) => string

/** A number as Python reads it, to the last bit. */
export function literal(value: number): string {
  if (Number.isFinite(value)) {
    const text = Object.is(value, -0) ? '-0.0' : String(value)
    const full = /[.e]/.test(text) ? text : `${text}.0`
    return value < 0 || Object.is(value, -0) ? `(${full})` : full
  }
  return `float('${Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'}')`
}

/** The first inputs of a call, as texts. */
const texts = ({ inputs }: ScriptCall): [string, string, string] =>
  inputs.map(({ text }) => text) as [string, string, string]

const call =
  (name: string): Form =>
  (c) =>
    `torch.${name}(${texts(c).join(', ')})`
const between =
  (sign: string): Form =>
  (c) =>
    `${texts(c)[0]} ${sign} ${texts(c)[1]}`
const compare =
  (sign: string): Form =>
  (c) =>
    `(${texts(c)[0]} ${sign} ${texts(c)[1]}).to(${texts(c)[0]}.dtype)`
const reduce =
  (name: string): Form =>
  (c) =>
    `torch.${name}(${texts(c)[0]}, [1], True)`

function scale({ node, inputs: [x] }: ScriptCall): string {
  const [factor, shift] = node.numbers as [number, number]
  const scaled = `${x!.text} * ${literal(factor)}`
  return shift === 0 ? scaled : `${scaled} + ${literal(shift)}`
}

function layerNorm({ node, inputs: [x], parameters }: ScriptCall): string {
  const [weight = 'None', bias = 'None'] = parameters
  return `torch.layer_norm(${x!.text}, [${node.width}], ${weight}, ${bias}, ${literal(node.numbers[0]!)})`
}

function concat({ inputs }: ScriptCall): string {
  const perRow = inputs.some((input) => input.perRow)
  const parts = inputs.map(({ text, width, perRow: own }) =>
    perRow && !own ? `${text}.expand([x.size(0), ${width}])` : text,
  )
  return `torch.cat([${parts.join(', ')}], 1)`
}

function distances({ node, inputs: [x], constants: [means], numbers }: ScriptCall): string {
  const scales = `${numbers(node.numbers)}.reshape([-1, 1])`
  return `torch.square((${x!.text}.unsqueeze(1) - ${means}) * ${scales}).sum([2])`
}

function pairwise({ inputs: [x], parameters: [coupling, field], constants: [mask] }: ScriptCall): string {
  const halves = `torch.addmm(${field}, ${x!.text}, ${coupling} * ${mask}, beta=1, alpha=0.5)`
  return `-torch.sum(${halves} * ${x!.text}, [1], True)`
}

/** Rows [n, h w c] as images [n, c, h, w], and back. */
const toImages = (x: string, [channels, height, width]: readonly number[]): string =>
  `${x}.reshape([-1, ${height}, ${width}, ${channels}]).permute([0, 3, 1, 2])`
const toRows = (images: string, width: number): string => `${images}.permute([0, 2, 3, 1]).reshape([-1, ${width}])`
/** Kernel, stride and padding of an operation that looks through windows: native/core/program/image_windows.hpp. */
const windows = ({ node: { integers } }: ScriptCall): [string, string, string] =>
  [3, 5, 7].map((at) => `[${integers[at]}, ${integers[at + 1]}]`) as [string, string, string]

function conv2d(c: ScriptCall): string {
  const [, stride, padding] = windows(c)
  const [weight, bias = 'None'] = c.parameters
  const images = toImages(c.inputs[0]!.text, c.node.integers)
  return toRows(`torch.conv2d(${images}, ${weight}, ${bias}, ${stride}, ${padding})`, c.node.width)
}

function convTranspose2d(c: ScriptCall): string {
  const [, stride, padding] = windows(c)
  const [weight, bias = 'None'] = c.parameters
  const { places, more } = windowsOf(c.node.integers)
  const images = toImages(c.inputs[0]!.text, [c.inputs[0]!.width / (places[0]! * places[1]!), ...places])
  const result = `torch.conv_transpose2d(${images}, ${weight}, ${bias}, ${stride}, ${padding}, [${more.join(', ')}])`
  return toRows(result, c.node.width)
}

function sumPool2d(c: ScriptCall): string {
  const images = toImages(c.inputs[0]!.text, c.node.integers)
  const sums = `torch.avg_pool2d(${images}, ${windows(c).join(', ')}, False, True, 1)`
  return `${toRows(sums, c.node.width)} * ${literal(c.node.numbers[0]!)}`
}

function maxPool2d(c: ScriptCall): string {
  const images = toImages(c.inputs[0]!.text, c.node.integers)
  return toRows(`torch.max_pool2d(${images}, ${windows(c).join(', ')})`, c.node.width)
}

function upsample2d({ node, inputs: [x] }: ScriptCall): string {
  const [, , , down, across] = node.integers
  const images = toImages(x!.text, node.integers)
  const repeated = `torch.repeat_interleave(torch.repeat_interleave(${images}, ${down}, 2), ${across}, 3)`
  return toRows(repeated, node.width)
}

export const FORMS: Readonly<Record<string, Form>> = {
  // Sources.
  input: () => 'x',
  condition: () => 'y',
  constant: ({ constants: [value] }) => value!,
  parameter: ({ parameters: [value] }) => `torch.atleast_2d(${value})`,
  spectralScale: ({ node, parameters: [w, u, v] }) =>
    `(torch.reciprocal(torch.dot(${u}, torch.mv(${w}, ${v}))) * ${literal(node.numbers[0]!)}).reshape([1, 1])`,
  // Layers. Dropout is for training alone.
  linear: ({ inputs: [x], parameters }) => `torch.linear(${[x!.text, ...parameters].join(', ')})`,
  layerNorm,
  embedding: ({ inputs: [label], parameters: [table] }) => `torch.embedding(${table}, ${label!.text})`,
  dropout: ({ inputs: [x] }) => x!.text,
  // Of images.
  conv2d,
  convTranspose2d,
  sumPool2d,
  maxPool2d,
  upsample2d,
  transpose: ({ node, inputs: [x] }) => {
    const rows = node.integers[0]!
    const matrix = `${x!.text}.reshape([-1, ${rows}, ${node.width / rows}])`
    return `${matrix}.transpose(1, 2).reshape([-1, ${node.width}])`
  },
  // Over the columns of a row.
  sum: reduce('sum'),
  mean: reduce('mean'),
  logsumexp: reduce('logsumexp'),
  logSoftmax: ({ inputs: [x] }) => `torch.log_softmax(${x!.text}, 1)`,
  matmul: ({ inputs: [x], constants: [matrix] }) => `torch.matmul(${x!.text}, ${matrix})`,
  slice: ({ node, inputs: [x] }) => `torch.narrow(${x!.text}, 1, ${node.integers[0]}, ${node.width})`,
  columns: ({ node, inputs: [x], indices }) => `torch.index_select(${x!.text}, 1, ${indices(node.integers)})`,
  concat,
  gather: ({ inputs: [values, label] }) => `torch.gather(${values!.text}, 1, ${label!.text}.reshape([-1, 1]))`,
  norm: ({ inputs: [x] }) => `torch.linalg_vector_norm(${x!.text}, 2, [1], True)`,
  quadratic: (c) => {
    const [x, mean, precision] = texts(c)
    return `torch.sum(torch.matmul(${x} - ${mean}, ${precision}) * (${x} - ${mean}), [1], True) * 0.5`
  },
  distances,
  blockSums: ({ node, inputs: [x] }) => {
    const per = x!.width / node.width
    return `${x!.text}.reshape([${x!.text}.size(0), ${node.width}, ${per}]).sum([2])`
  },
  pairwise,
  // Elementwise.
  add: between('+'),
  sub: between('-'),
  mul: between('*'),
  div: between('/'),
  neg: call('neg'),
  scale,
  square: (c) => `${texts(c)[0]} * ${texts(c)[0]}`,
  sqrt: call('sqrt'),
  exp: call('exp'),
  log: call('log'),
  sin: call('sin'),
  cos: call('cos'),
  abs: call('abs'),
  pow: ({ node, inputs: [x] }) => `torch.pow(${x!.text}, ${literal(node.numbers[0]!)})`,
  maximum: call('maximum'),
  minimum: call('minimum'),
  gt: compare('>'),
  ge: compare('>='),
  lt: compare('<'),
  le: compare('<='),
  where: (c) => {
    const [condition, yes, no] = texts(c)
    return `torch.where(${condition} != 0, ${yes}, ${no})`
  },
  // Activations.
  silu: call('silu'),
  gelu: call('gelu'),
  tanh: call('tanh'),
  sigmoid: call('sigmoid'),
  softplus: call('softplus'),
  relu: call('relu'),
  leakyRelu: ({ node, inputs: [x] }) => `torch.leaky_relu(${x!.text}, ${literal(node.numbers[0]!)})`,
}
