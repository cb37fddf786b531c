/** Cases of convolutional energies for the comparison with PyTorch: parameter gradients, chains, second derivatives. */
import { energies, networks, objectives, samplers } from '../../src/index.js'
import { type Case, type Nested, ROWS, random, STREAM } from './reference-support.js'

const AXES = [2, 4, 4]
const PIXELS = 32
const images = random(ROWS, PIXELS, 0, STREAM.data)
const conv = energies.conv({ input: AXES, channels: [9, 8], kernel: [3, 2], stride: [1, 2], hidden: [6] })
const langevin = samplers.langevin({ steps: 4, stepSize: 0.1 })

export const imageCases: Case[] = [
  {
    name: 'contrastiveDivergence of images',
    energy: conv,
    objective: objectives.contrastiveDivergence({ sampler: langevin }),
    x: images,
    noise: [0, 1, 2, 3].map((t) => random(ROWS, PIXELS, t, STREAM.noise)),
  },
  {
    name: 'persistentContrastiveDivergence of images',
    energy: conv,
    objective: objectives.persistentContrastiveDivergence({ sampler: langevin, buffer: { size: 400 } }),
    x: images,
    take: (x) => ({ negatives: x.slice(ROWS).map((row) => (row as Nested[]).flat(2)) }),
  },
  {
    name: 'denoisingScoreMatching of images',
    energy: conv,
    objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
    x: images,
    noise: random(ROWS, PIXELS, 0, STREAM.corrupt),
  },
  {
    name: 'slicedScoreMatching of images',
    energy: conv,
    objective: objectives.slicedScoreMatching({ law: 'gaussian', projections: 1 }),
    x: images,
    noise: random(ROWS, PIXELS, 0, STREAM.project),
  },
  {
    name: 'crossEntropy of images',
    energy: energies.classifier({ input: AXES, classes: 3, network: networks.conv({ channels: [9], hidden: [6] }) }),
    objective: objectives.crossEntropy(),
    x: images,
    y: images.map(([a]) => (a! > 0.5 ? 2 : a! > -0.3 ? 1 : 0)),
  },
]
