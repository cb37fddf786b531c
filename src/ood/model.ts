/** The energy of a detector, as its options hold it. */
import type { Energy } from '../energy.js'
import { Network } from '../network.js'
import type { Z } from '../spec/index.js'

/** Options of detectors of an energy. */
export interface ModelOptions {
  /** The energy. */
  model: Energy
}

export const modelField = (z: Z) =>
  z.custom<Energy>((value) => value instanceof Network, { message: 'expected an Energy' })
