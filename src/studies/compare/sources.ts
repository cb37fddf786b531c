/** The data of the comparison: distributions of the plane with a known density. One table; adding one is one entry. */
import * as spandrel from '../../data/spandrel.js'
import * as toys from '../../data/toys.js'
import type { RowsLike, Tensor } from '../../tensor/index.js'

export interface Source {
  /** Rows [n, 2]. */
  readonly sample: (n: number, seed: number) => Tensor
  /** log p at points [m, 2]: float64 [m]. */
  readonly logDensity: (points: RowsLike) => Promise<Tensor>
}

function rowsOf(drawn: ReturnType<typeof toys.rings>): Tensor {
  const x = drawn.column('x').slice(0)
  drawn.dispose()
  return x
}

const toy = (kind: string, draw: typeof toys.rings): Source => ({
  sample: (n, seed) => rowsOf(draw({ n, seed })),
  logDensity: (points) => toys.logDensity(kind, points),
})

const shape = (name: spandrel.SpandrelShape): Source => ({
  sample: (n, seed) => rowsOf(spandrel.sample(name, { n, seed })),
  logDensity: (points) => spandrel.logDensity(name, points),
})

export const SOURCES = {
  rings: toy('rings', toys.rings),
  moons: toy('moons', toys.moons),
  eightGaussians: toy('eightGaussians', toys.eightGaussians),
  twentyFiveGaussians: toy('twentyFiveGaussians', toys.twentyFiveGaussians),
  checkerboard: toy('checkerboard', toys.checkerboard),
  pinwheel: toy('pinwheel', toys.pinwheel),
  swissRoll: toy('swissRoll', toys.swissRoll),
  twoSpirals: toy('twoSpirals', toys.twoSpirals),
  cosine: toy('cosine', toys.cosine),
  unequalModes: toy('unequalModes', toys.unequalModes),
  step: shape('step'),
  'split-circle': shape('split-circle'),
  twist: shape('twist'),
  'kissing-pyramids': shape('kissing-pyramids'),
} as const satisfies Record<string, Source>

export type SourceName = keyof typeof SOURCES
export const SOURCE_NAMES = Object.keys(SOURCES) as SourceName[]

/** The source whose mode weights are known and unequal: blindness to them is measured on it. */
export const WEIGHTS_SOURCE = 'unequalModes' satisfies SourceName
