/** Programs as data: what an energy or network computes, for files that other libraries run. */
import type { CompiledNode as ProgramNode } from '../compiled/format.js'
import { LangevinError } from '../errors.js'
import type { NativeNetwork } from '../native/contract.js'
import { type InvokeOptions, invoke } from '../runtime/index.js'
import type { Tensor } from '../tensor/index.js'

export type { ProgramNode }

/** A program: row-wise operations in the order in which they are computed. */
export interface Program {
  readonly kind: string
  /** What their `numbers` and `integers` hold stands at their rows of native/core/program/ops_*.cpp. */
  readonly nodes: readonly ProgramNode[]
  /** Names as in the state dict. */
  readonly parameters: readonly string[]
  /** float64 */
  readonly constants: readonly Tensor[]
  /** Axes of a row x. */
  readonly input: readonly number[]
  readonly condition: {
    readonly kind: 'none' | 'class' | 'continuous'
    readonly width: number
    readonly optional: boolean
  }
  /** Nodes of E(x), of E(x, y) where y may be left out, and of the logits or outputs; -1: there is none. */
  readonly energy: number
  readonly jointEnergy: number
  readonly outputs: number
}

/** A program with the numbers of its parameters. */
export interface Weighted {
  readonly program: Program
  readonly weights: Readonly<Record<string, Tensor>>
}

/** The affine map from the units of the data into those of the network. */
export interface Standardisation {
  readonly mean: readonly number[]
  readonly scale: readonly number[]
  /** What energies of rows in the units of the data are larger by. */
  readonly logScale: number
}

/** Windows on an image: sizes along the height and along the width. */
export interface Windows {
  readonly channels: number
  readonly size: number[]
  readonly kernel: number[]
  readonly stride: number[]
  readonly padding: number[]
  /** How many there are. */
  readonly places: number[]
  /** Pixels beyond the last window, paddings aside. */
  readonly more: number[]
}

/** The integers of an operation that looks through windows: native/core/program/image_windows.hpp. */
export function windowsOf(integers: readonly number[]): Windows {
  const two = (at: number) => integers.slice(at, at + 2)
  const [size, kernel, stride, padding] = [two(1), two(3), two(5), two(7)]
  const places = size.map((n, axis) => Math.floor((n + 2 * padding[axis]! - kernel[axis]!) / stride[axis]!) + 1)
  const more = size.map((n, axis) => n + 2 * padding[axis]! - kernel[axis]! - (places[axis]! - 1) * stride[axis]!)
  return { channels: integers[0]!, size, kernel, stride, padding, places, more }
}

/** Reads program and parameters for the time of `use`. */
export async function withProgram<T>(
  network: NativeNetwork,
  options: InvokeOptions,
  use: (weighted: Weighted) => Promise<T>,
): Promise<T> {
  const held: Tensor[] = []
  try {
    const program = await invoke<Program>('network.program', { network }, options)
    held.push(...program.constants)
    const weights = await invoke<Record<string, Tensor>>('network.parameters', { network }, options)
    held.push(...Object.values(weights))
    return await use({ program, weights })
  } finally {
    for (const each of held) each.dispose()
  }
}

/** The nodes that these need, themselves among them, in the order of the program. */
export function neededBy(program: Program, wanted: readonly number[]): readonly number[] {
  const found = new Set<number>()
  const visit = (index: number): void => {
    if (found.has(index)) return
    found.add(index)
    program.nodes[index]!.inputs.forEach(visit)
  }
  wanted.forEach(visit)
  return [...found].sort((a, b) => a - b)
}

/** Places of nodes whose value depends on an input of the program: x, or y. */
export function dependingOn(program: Program, source: 'input' | 'condition'): ReadonlySet<number> {
  const found = new Set<number>()
  program.nodes.forEach(({ op, inputs }, index) => {
    if (op === source || inputs.some((input) => found.has(input))) found.add(index)
  })
  return found
}

/** An operation that a format has no form for. */
export function noForm(format: string, program: Program, op: string): LangevinError {
  return new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `the operation '${op}' of this ${program.kind} model has no form in ${format}; ${remedyFor(op)}`,
    { details: { operation: op } },
  )
}

function remedyFor(op: string): string {
  return op === 'torchScript'
    ? 'export the module it was loaded from with the library that made it'
    : 'leave out the layer or function that uses it, or score rows with langevin itself (createScorer)'
}
