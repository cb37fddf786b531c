/** Scorer files: what `exportScorer` writes and langevin/scorer reads. A safetensors file whose metadata holds this as JSON. */

/** Raised when a reader of today could not read a file of tomorrow. */
export const SCORER_VERSION = 1
export const SCORER_KEY = 'langevin.scorer'
export const FAMILY_KEY = 'langevin.family'

/** An operation of a program: native/core/program/plain_program.hpp. */
export interface CompiledNode {
  readonly op: string
  /** Earlier nodes. */
  readonly inputs: readonly number[]
  readonly parameters: readonly number[]
  readonly constants: readonly number[]
  readonly numbers: readonly number[]
  readonly integers: readonly number[]
  /** Columns of its value. */
  readonly width: number
}

/** The program of an energy without its numbers. Nodes are named by their place; -1: there is none. */
export interface CompiledProgram {
  readonly nodes: readonly CompiledNode[]
  readonly inputWidth: number
  /** About so many multiply-adds to evaluate one row: rows are cut into tiles by it. */
  readonly workPerRow: number
  readonly energy: number
  readonly jointEnergy: number
  readonly outputs: number
  readonly optionalCondition: boolean
  /** Columns of a condition y; 0: none. */
  readonly conditionWidth: number
  /** Classes of a condition y that is a class; 0: it is none. */
  readonly classes: number
}

/** An energy of the file. Its numbers are the tensors `models.<k>.<parameter>` and `models.<k>.constant:<i>`. */
export interface CompiledEnergy {
  /** Kind of its spec, for people. */
  readonly kind: string
  readonly dtype: 'float32' | 'float64'
  readonly program: CompiledProgram
  /** Names of the parameters, in the order of the program. */
  readonly parameters: readonly string[]
  /** How many constants the program has. */
  readonly constants: number
}

/** What the columns of a row are: the part of a model's `inputs` that scoring needs. */
export interface CompiledInputs {
  readonly columns: readonly string[]
  readonly widths?: readonly number[]
  readonly transform?: {
    readonly kind: 'standardize'
    readonly mean: readonly number[]
    readonly scale: readonly number[]
  }
}

/**
 * How a detector makes one score of its energies: (sum over k of (E_k - mean_k) / deviation_k) / models + shift, in float64.
 */
export interface CompiledDetector {
  readonly kind: string
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
  readonly shift: number
  /** The false-alarm rate it was made for. */
  readonly fpr?: number
}

export interface CompiledFile {
  readonly version: number
  /** The langevin that wrote it. */
  readonly langevin: string
  readonly models: readonly CompiledEnergy[]
  readonly inputs?: CompiledInputs
  /** Absent: the file holds one energy. Its held-out scores are the tensor `heldOut.scores`. */
  readonly detector?: CompiledDetector
}

export const parameterName = (model: number, name: string): string => `models.${model}.${name}`
export const constantName = (model: number, index: number): string => `models.${model}.constant:${index}`
export const HELD_OUT = 'heldOut.scores'
