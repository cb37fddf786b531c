// Networks by themselves: parameters and outputs, at every number of rows around the borders of tiles.
import { bell, labels } from '../rows.mjs'
import { rowsOf, SIZES } from './support.mjs'

const subjects = [
  {
    name: 'mlp',
    quick: true,
    width: 3,
    spec: ({ networks }) => networks.mlp({ input: 3, hidden: [33, 16], output: 5 }),
  },
  {
    name: 'mlp spectral norm',
    width: 2,
    spec: ({ networks }) => networks.mlp({ input: 2, hidden: [16], output: 2, activation: 'tanh', spectralNorm: true }),
  },
  {
    name: 'sequential with a class',
    quick: true,
    width: 3,
    classes: 4,
    spec: ({ networks, layers }) =>
      networks.sequential({
        input: 3,
        layers: [
          layers.embedding({ classes: 4, width: 5 }),
          layers.linear({ out: 12 }),
          layers.layerNorm(),
          layers.activation({ activation: 'gelu' }),
          layers.linear({ out: 7 }),
        ],
      }),
  },
]

async function evaluate(context, { spec, width, classes }) {
  const { langevin, dtype, threads } = context
  const network = await langevin.Network.create(spec(langevin), { dtype, seed: 7 })
  try {
    const results = { parameters: await network.parameters(), outputs: [] }
    for (const n of SIZES) {
      const y = classes === undefined ? {} : { y: langevin.tensor(labels(n, classes, 3), [n]) }
      results.outputs.push(await network.outputs(rowsOf(context, bell(n, width, n)), { threads, ...y }))
    }
    return results
  } finally {
    network.dispose()
  }
}

export default subjects.map((subject) => ({
  name: subject.name,
  quick: subject.quick ?? false,
  run: (context) => evaluate(context, subject),
}))
