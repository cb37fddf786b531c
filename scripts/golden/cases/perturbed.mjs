// Energy discrepancy with every perturbation, on discrete, real and mixed rows.
import { even, labels, states } from '../rows.mjs'
import { binary, rbm, rowsOf } from './support.mjs'

const mixedStates = [
  { kind: 'real', columns: 2 },
  { kind: 'categorical', levels: 3, columns: 6, name: 'trade' },
  { kind: 'ordinal', levels: 5 },
  { kind: 'cyclic', levels: 4 },
]
const mixed = {
  spec: ({ energies }) => energies.mlp({ input: 10, hidden: [16], gaussianBase: 2, states: mixedStates }),
  x: (context, n) => {
    const [numbers, bits, words] = [even(n, 2, 31), states(n, 6, { levels: 3 }, 32), labels(n, 20, 33)]
    const row = (i) => [
      ...numbers.data.slice(2 * i, 2 * i + 2),
      ...bits.data.slice(6 * i, 6 * i + 6),
      Number(words[i]) % 5,
      Number(words[i]) % 4,
    ]
    const all = Array.from({ length: n }, (_, i) => row(i)).flat()
    return rowsOf(context, { data: Float64Array.from(all), rows: n, columns: 10 })
  },
}
/** The same columns as a schema has them. */
const number = (name) => ({ kind: 'numeric', name, transform: { kind: 'none' }, missing: 'error', range: 'keep' })
const levels = (kind, name, count) => {
  const policies = { missing: 'error', unseen: 'error' }
  return { kind, name, levels: Array.from({ length: count }, (_, i) => i), ...policies }
}
const columns = [
  ...['a', 'b'].map(number),
  ...['c', 'd'].map((name) => levels('categorical', name, 3)),
  levels('ordinal', 'e', 5),
  levels('cyclic', 'f', 4),
]
const table = { ...mixed, spec: ({ energies }) => energies.mixed({ columns, hidden: [16] }) }

export const perturbed = [
  ['uniform', (p) => p.uniform({ t: 0.5 })],
  ['cyclic', (p) => p.cyclic({ t: 0.3 })],
  ['ordinal', (p) => p.ordinal({ tBase: 0.1 })],
  ['absorbing', (p) => p.absorbing({ t: 0.5 })],
  ['bernoulli', (p) => p.bernoulli({ epsilon: 0.1 })],
  ['neighbourhood', (p) => p.neighbourhood()],
  ['gaussian', (p) => p.gaussian({ sd: [0.5, 0.8] }), {}],
  ['structured', (p) => p.structured({ sd: [0.2, 0.3], t: 0.5, tBase: 0.02 }), mixed],
  ['structured table', (p) => p.structured({ sd: 0.2, t: 0.5, tBase: 0.02 }), table],
  [
    'structured grid',
    (p) => p.structured({ kernels: [{ on: 'discrete', perturbation: p.absorbing({ grid: true }) }] }),
    mixed,
  ],
].map(([name, make, subject = { spec: rbm, ...binary }]) => ({
  name: `energyDiscrepancy ${name}`,
  quick: true,
  ...subject,
  objective: ({ objectives, perturbations }) =>
    objectives.energyDiscrepancy({ perturbation: make(perturbations), negatives: 4, w: 0.7 }),
}))
