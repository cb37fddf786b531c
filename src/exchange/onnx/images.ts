/**
 * Operations on images as ONNX operations, and their derivatives. Rows are images channels last, [pixels, channels] each. Windows are
 * lists of pixels: onnxruntime has no Conv of float64 and no pools of it.
 */
import { type Windows, windowsOf } from '../program.js'
import type { Backward, OperationCall } from './call.js'
import type { OnnxGraph } from './graph.js'

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1)

/** Calls `each` for every number of every window: the window, its place in it, and the pixel, or -1 beyond the border. */
function overWindows(w: Windows, each: (window: number, tap: number, pixel: number) => void): void {
  const [height, width] = w.size as [number, number]
  for (let y = 0; y < w.places[0]!; y++)
    for (let x = 0; x < w.places[1]!; x++)
      for (let tap = 0; tap < product(w.kernel); tap++) {
        const line = y * w.stride[0]! - w.padding[0]! + Math.floor(tap / w.kernel[1]!)
        const column = x * w.stride[1]! - w.padding[1]! + (tap % w.kernel[1]!)
        const inside = line >= 0 && line < height && column >= 0 && column < width
        each(y * w.places[1]! + x, tap, inside ? line * width + column : -1)
      }
}

/** [n, pixels channels] as [n, picked, channels]; pixel -1 is zeros. */
function pick(graph: OnnxGraph, rows: string, channels: number, pixels: number, picked: readonly number[]): string {
  const images = graph.op('Reshape', [rows, graph.integers([0, pixels, channels])])
  const padded = picked.includes(-1) ? graph.op('Pad', [images, graph.integers([0, 0, 0, 0, 1, 0])]) : images
  const index = picked.map((pixel) => (pixel < 0 ? pixels : pixel))
  return graph.op('Gather', [padded, graph.integers(index)], { axis: 1 })
}

/** Sums of entries: rows [n, entries channels] become [n, lists channels], each list naming the entries that add up. */
function sums(graph: OnnxGraph, rows: string, channels: number, entries: number, lists: readonly number[][]): string {
  const most = Math.max(1, ...lists.map(({ length }) => length))
  const index = lists.flatMap((list) => Array.from({ length: most }, (_, i) => list[i] ?? -1))
  const picked = pick(graph, rows, channels, entries, index)
  const apart = graph.op('Reshape', [picked, graph.integers([0, lists.length, most, channels])])
  const summed = graph.reduce('Sum', apart, { axis: 2, keep: false })
  return graph.op('Reshape', [summed, graph.integers([0, lists.length * channels])])
}

/** Numbers of the windows, [n, windows, numbers of a window, channels]. */
function gathered(graph: OnnxGraph, rows: string, w: Windows): string {
  const picked: number[] = []
  overWindows(w, (_window, _tap, pixel) => picked.push(pixel))
  const all = pick(graph, rows, w.channels, product(w.size), picked)
  return graph.op('Reshape', [all, graph.integers([0, product(w.places), product(w.kernel), w.channels])])
}

/** For every pixel the entries of all windows that are of it: `entry` numbers them. */
function entriesOf(w: Windows, entry: (window: number, tap: number) => number): number[][] {
  const lists = Array.from({ length: product(w.size) }, (): number[] => [])
  overWindows(w, (window, tap, pixel) => {
    if (pixel >= 0) lists[pixel]!.push(entry(window, tap))
  })
  return lists
}

const toImages = (graph: OnnxGraph, rows: string, channels: number, [height, width]: number[]): string =>
  graph.op('Transpose', [graph.op('Reshape', [rows, graph.integers([0, height!, width!, channels])])], {
    perm: [0, 3, 1, 2],
  })
const toRows = (graph: OnnxGraph, images: string, columns: number): string =>
  graph.op('Reshape', [graph.op('Transpose', [images], { perm: [0, 2, 3, 1] }), graph.integers([0, columns])])

/** The convolution of rows with windows `w`, to so many columns; `names`: weight, and bias where there is one. */
function convolved(graph: OnnxGraph, rows: string, w: Windows, names: readonly string[], columns: number): string {
  if (graph.dtype === 'float32') {
    const pads = [...w.padding, ...w.padding]
    const sizes = { kernel_shape: w.kernel, strides: w.stride, pads }
    return toRows(graph, graph.op('Conv', [toImages(graph, rows, w.channels, w.size), ...names], sizes), columns)
  }
  const depth = product(w.kernel) * w.channels
  const windows = graph.op('Reshape', [gathered(graph, rows, w), graph.integers([-1, depth])])
  const turned = graph.op('Transpose', [names[0]!], { perm: [0, 2, 3, 1] })
  const weight = graph.op('Reshape', [turned, graph.integers([-1, depth])])
  const result = graph.op('Gemm', [windows, weight, ...names.slice(1)], { transB: 1 })
  return graph.op('Reshape', [result, graph.integers([-1, columns])])
}

/** The adjoint of it: from the windows, of `out` channels each, to the images. */
function spread(graph: OnnxGraph, rows: string, w: Windows, names: readonly string[], out: number): string {
  const columns = product(w.size) * w.channels
  if (graph.dtype === 'float32') {
    const pads = [...w.padding, ...w.padding]
    const sizes = { kernel_shape: w.kernel, strides: w.stride, pads, output_padding: w.more }
    return toRows(graph, graph.op('ConvTranspose', [toImages(graph, rows, out, w.places), ...names], sizes), columns)
  }
  // For every pixel and every place in a window: the window that has the pixel there, if there is one.
  const taps = product(w.kernel)
  const owners = Array<number>(product(w.size) * taps).fill(-1)
  overWindows(w, (window, tap, pixel) => {
    if (pixel >= 0) owners[pixel * taps + tap] = window
  })
  const picked = pick(graph, rows, out, product(w.places), owners)
  const entries = graph.op('Reshape', [picked, graph.integers([-1, taps * out])])
  const turned = graph.op('Transpose', [names[0]!], { perm: [2, 3, 0, 1] })
  const matrix = graph.op('Reshape', [turned, graph.integers([taps * out, w.channels])])
  return graph.op('Reshape', [graph.op('Gemm', [entries, matrix, ...names.slice(1)]), graph.integers([-1, columns])])
}

const namesOf = ({ parameters }: OperationCall): string[] => parameters.map(({ name }) => name)

export const conv2d = (c: OperationCall): string =>
  convolved(c.graph, c.inputs[0]!.name, windowsOf(c.node.integers), namesOf(c), c.node.width)

export const conv2dBackward: Backward = ({ graph, node, parameters: [weight] }, gradient) => {
  const w = windowsOf(node.integers)
  return [spread(graph, gradient, w, [weight!.name], node.width / product(w.places))]
}

export function convTranspose2d(c: OperationCall): string {
  const w = windowsOf(c.node.integers)
  return spread(c.graph, c.inputs[0]!.name, w, namesOf(c), c.inputs[0]!.width / product(w.places))
}

export const convTranspose2dBackward: Backward = ({ graph, node, inputs: [x], parameters: [weight] }, gradient) => [
  convolved(graph, gradient, windowsOf(node.integers), [weight!.name], x!.width),
]

export function sumPool2d({ graph, node, inputs }: OperationCall): string {
  const summed = graph.reduce('Sum', gathered(graph, inputs[0]!.name, windowsOf(node.integers)), {
    axis: 2,
    keep: false,
  })
  return graph.times(graph.op('Reshape', [summed, graph.integers([0, node.width])]), node.numbers[0]!)
}

export const sumPool2dBackward: Backward = ({ graph, node }, gradient) => {
  const w = windowsOf(node.integers)
  const lists = entriesOf(w, (window) => window)
  return [graph.times(sums(graph, gradient, w.channels, product(w.places), lists), node.numbers[0]!)]
}

export function maxPool2d(c: OperationCall): string {
  const most = c.graph.reduce('Max', gathered(c.graph, c.inputs[0]!.name, windowsOf(c.node.integers)), {
    axis: 2,
    keep: false,
  })
  return c.graph.op('Reshape', [most, c.graph.integers([0, c.node.width])])
}

/** All of it to the first of the largest numbers of a window, as in PyTorch. */
export const maxPool2dBackward: Backward = (c, gradient) => {
  const { graph, node } = c
  const w = windowsOf(node.integers)
  const taps = product(w.kernel)
  const windows = product(w.places)
  const first = graph.op('ArgMax', [gathered(graph, c.inputs[0]!.name, w)], { axis: 2, keepdims: 1 })
  const places = graph.integers(
    Array.from({ length: taps }, (_, tap) => tap),
    [1, 1, taps, 1],
  )
  const chosen = graph.asNumber(graph.op('Equal', [first, places]))
  const given = graph.op('Reshape', [gradient, graph.integers([0, windows, 1, w.channels])])
  const entries = graph.op('Reshape', [graph.mul(chosen, given), graph.integers([0, windows * taps * w.channels])])
  const lists = entriesOf(w, (window, tap) => window * taps + tap)
  return [sums(graph, entries, w.channels, windows * taps, lists)]
}

/** The pixel that each pixel of the result repeats. */
function repeated(integers: readonly number[]): number[] {
  const [, height, width, down, across] = integers as [number, number, number, number, number]
  return Array.from({ length: height * down * width * across }, (_, place) => {
    const line = Math.floor(place / (width * across))
    return Math.floor(line / down) * width + Math.floor((place % (width * across)) / across)
  })
}

export function upsample2d({ graph, node, inputs: [x] }: OperationCall): string {
  const [channels, height, width] = node.integers as [number, number, number]
  const picked = pick(graph, x!.name, channels, height * width, repeated(node.integers))
  return graph.op('Reshape', [picked, graph.integers([0, node.width])])
}

export const upsample2dBackward: Backward = ({ graph, node }, gradient) => {
  const [channels, height, width] = node.integers as [number, number, number]
  const lists = Array.from({ length: height * width }, (): number[] => [])
  for (const [place, pixel] of repeated(node.integers).entries()) lists[pixel]!.push(place)
  return [sums(graph, gradient, channels, node.width / channels, lists)]
}

/** A row as a matrix of so many rows, turned. */
const turned = (graph: OnnxGraph, x: string, rows: number, width: number): string => {
  const matrix = graph.op('Reshape', [x, graph.integers([0, rows, width / rows])])
  return graph.op('Reshape', [graph.op('Transpose', [matrix], { perm: [0, 2, 1] }), graph.integers([0, width])])
}

export const transpose = ({ graph, node, inputs: [x] }: OperationCall): string =>
  turned(graph, x!.name, node.integers[0]!, node.width)

export const transposeBackward: Backward = ({ graph, node }, gradient) => [
  turned(graph, gradient, node.width / node.integers[0]!, node.width),
]
