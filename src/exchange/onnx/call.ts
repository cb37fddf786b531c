/** What the ONNX forms of an operation and of its derivative are made from. */
import type { ProgramNode } from '../program.js'
import type { OnnxGraph, Stored } from './graph.js'

/** A value of the program in the graph. */
export interface GraphValue {
  readonly name: string
  readonly width: number
  /** False: one row [1, width] for all rows. */
  readonly perRow: boolean
}

/** What the forms of an operation are made from. */
export interface OperationCall {
  readonly graph: OnnxGraph
  readonly node: ProgramNode
  readonly inputs: readonly GraphValue[]
  readonly parameters: readonly Stored[]
  readonly constants: readonly Stored[]
  /** Names of x [n, d] and of y. */
  readonly x: string
  readonly y: string
  /** A value with one row, for every row of x. */
  expand(value: GraphValue): string
}

/** dE/d(value) in, dE/d(each input) out; undefined where an input has none. Columns are those of the value. */
export type Backward = (c: OperationCall, gradient: string, value: string) => readonly (string | undefined)[]
