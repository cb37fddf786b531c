/** The parts of a fitted detector. */
import type { InputRows } from '../data/input-rows.js'
import type { Energy } from '../energy.js'
import type { Tensor } from '../tensor/index.js'
import type { Calibration } from './calibration.js'

export interface JobOptions {
  /** Threads of the pool; the result does not depend on it. */
  threads?: number
  signal?: AbortSignal
}

/** A detector without its training rows: { kind, options, model or models }. */
export interface Asked {
  readonly kind: string
  readonly model?: Energy
  readonly models?: readonly Energy[]
  readonly [option: string]: unknown
}

/** What scoring needs: the detector, and the tensors that fitting left of the training rows. */
export interface Fit {
  readonly detector: Asked
  /** The detector as the core takes it. */
  readonly core: object
  readonly state: Readonly<Record<string, Tensor>>
  /** Columns and scale; undefined where rows are taken as they are. */
  readonly inputs: InputRows | undefined
  /** Energies made for this detector, freed with it. */
  readonly own: readonly Energy[]
}

/** What a fitted detector has beside its fit. */
export interface FittedParts {
  calibration?: Calibration | undefined
  /** A sample of normal rows in the units of the models. */
  reference?: Tensor | undefined
  /** The false-alarm rate it was made for. */
  fpr?: number | undefined
}

export function disposeFit({ state, own, inputs }: Pick<Fit, 'state' | 'own'> & Partial<Pick<Fit, 'inputs'>>): void {
  for (const each of [...Object.values(state), ...own]) each.dispose()
  inputs?.release()
}
