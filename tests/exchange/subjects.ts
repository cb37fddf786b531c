/** Energies whose files are compared, with rows for them. */
import { Energy } from '../../src/energy.js'
import { type Tensor, tensor } from '../../src/tensor/index.js'
import { type Matrix, numbers, otherParameters, type Subject, subjects, widthOf } from '../energies/parity-subjects.js'

export type FloatName = 'float32' | 'float64'

/** An energy with parameters of no special value, and rows with their y. */
export interface Case {
  readonly subject: Subject
  readonly dtype: FloatName
  readonly x: Matrix
  readonly y: number[] | Matrix | undefined
}

/** Every subject of the comparison with PyTorch, with rows 0 to `rows`. */
export function casesOf(dtype: FloatName, rows: number): Case[] {
  return subjects.map((subject, i) => ({
    subject,
    dtype,
    x: numbers(rows, widthOf(subject.spec), 1 + i),
    y: subject.classes
      ? Array.from({ length: rows }, (_, r) => (r * 7 + i) % subject.classes!)
      : subject.condition
        ? numbers(rows, subject.condition, 100 + i)
        : undefined,
  }))
}

/** Axes of so many rows, where those of an energy have more than one. */
export const axesOf = ({ subject }: Case, rows: number): number[] | undefined =>
  Array.isArray(subject.spec.input) ? [rows, ...(subject.spec.input as number[])] : undefined

export async function modelOf({ subject, dtype }: Case): Promise<Energy> {
  const model = await Energy.create(subject.spec, { seed: 7, dtype })
  const state = Object.fromEntries(
    Object.entries(await model.parameters()).map(([name, value]) => [name, value.toArray()]),
  )
  await model.setParameters(
    Object.fromEntries(
      Object.entries(otherParameters(state)).map(([name, value]) => [name, tensor(value as Matrix, undefined, dtype)]),
    ),
  )
  return model
}

const HAS_LOGITS = ['classifier', 'regressor', 'mixtureDensity', 'rbm']

export interface Values {
  energy: number[]
  score: number[]
  logits?: number[]
}

/** What langevin itself computes. */
export async function valuesOf(model: Energy, { x, y, dtype }: Case): Promise<Values> {
  const rows = tensor(x, undefined, dtype)
  const more = y === undefined ? {} : { y: Array.isArray(y[0]) ? tensor(y, undefined, dtype) : tensor(y) }
  const flat = (value: Tensor) => Array.from(value.toTypedArray() as Float32Array)
  return {
    energy: flat(await model.energy(rows, more)),
    score: flat(await model.score(rows, more)),
    ...(HAS_LOGITS.includes(model.spec.kind) && { logits: flat(await model.logits(rows)) }),
  }
}
