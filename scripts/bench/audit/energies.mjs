/**
 * Every energy kind as a function of its columns: { spec, ...what its rows and its condition are }. A new kind is one entry here
 * and one in peers/energy_twins.py; tests/bench/twins.test.ts compares the two, and misses a kind that is left out.
 */
const hidden = [64, 64]
const linear = (out) => ({ kind: 'linear', out })
const silu = { kind: 'activation', activation: 'silu' }
const real =
  (spec, more = {}) =>
  (d) => ({ energy: { input: d, ...spec }, ...more })

/** Lattices of about so many columns; potts has no fewer than four. */
const lattices = { 2: [2], 64: [8, 8], 900: [30, 30] }
const pottsLattices = {
  2: { lattice: [2], levels: 2 },
  64: { lattice: [4, 4], levels: 4 },
  900: { lattice: [10, 30], levels: 3 },
}
const interaction = { coupling: 0.2, field: 0.1 }

export const discrete = {
  ising: (d) => ({ energy: { kind: 'ising', lattice: lattices[d], ...interaction }, states: 'spin' }),
  'ising, all pairs': (d) => ({ energy: { kind: 'ising', sites: d, coupling: 0.5 / d, field: 0.1 }, states: 'spin' }),
  potts: (d) => ({
    energy: { kind: 'potts', ...pottsLattices[d], ...interaction },
    states: 'levels',
    columns: { 2: 4 }[d] ?? d,
  }),
  rbm: (d) => ({ energy: { kind: 'rbm', input: d, hidden: { 900: 512 }[d] ?? 64 }, states: 'binary' }),
}

/** About so many pixels of one channel. */
const images = { 2: [1, 1, 2], 64: [1, 8, 8], 900: [1, 30, 30] }

const everyLayer = [
  linear(64),
  silu,
  { kind: 'layerNorm' },
  { kind: 'residual', layers: [linear(64), silu] },
  linear(1),
]

export const kinds = {
  mlp: real({ kind: 'mlp', hidden }),
  'mlp, float64': real({ kind: 'mlp', hidden }, { dtype: 'float64' }),
  'mlp, full base': real({ kind: 'mlp', hidden, gaussianBase: 'full' }),
  conv: (d) => ({ energy: { kind: 'conv', input: images[d], channels: [16, 32], hidden: [64] } }),
  sequential: real({ kind: 'sequential', layers: everyLayer }),
  scalar: real({ kind: 'scalar', network: { kind: 'mlp', hidden }, gaussianBase: 2 }),
  conditional: real({ kind: 'conditional', condition: 2, hidden }, { condition: 2 }),
  'conditional, ten classes': real({ kind: 'conditional', classes: 10, hidden }, { classes: 10 }),
  twoTower: real({ kind: 'twoTower', condition: 2, width: 16, x: { hidden }, y: { hidden } }, { condition: 2 }),
  'twoTower, ten classes': real({ kind: 'twoTower', classes: 10, width: 16, x: { hidden } }, { classes: 10 }),
  classifier: real({ kind: 'classifier', classes: 10, hidden }),
  regressor: (d) => ({ energy: { kind: 'regressor', input: d - 1, hidden } }),
  mixtureDensity: (d) => ({ energy: { kind: 'mixtureDensity', input: d - 1, hidden } }),
  'gaussian, one precision': real({ kind: 'gaussian', precision: 'one' }),
  'gaussian, diagonal': real({ kind: 'gaussian', precision: 'diagonal' }),
  'gaussian, full': real({ kind: 'gaussian' }),
  'gaussianMixture, 100 round': real({ kind: 'gaussianMixture', components: 100 }),
  'gaussianMixture, 4 full': real({ kind: 'gaussianMixture', components: 4, precision: 'full' }),
  doubleWell: real({ kind: 'doubleWell' }),
  rosenbrock: real({ kind: 'rosenbrock' }),
  rastrigin: real({ kind: 'rastrigin' }),
  ackley: real({ kind: 'ackley' }),
  funnel: real({ kind: 'funnel' }),
  'expression, bumps': real({ kind: 'expression', formula: 'bumps' }),
  'expression, bumps, float64': real({ kind: 'expression', formula: 'bumps' }, { dtype: 'float64' }),
  'expression, volatility': real({ kind: 'expression', formula: 'volatility' }),
  'expression, volatility, float64': real({ kind: 'expression', formula: 'volatility' }, { dtype: 'float64' }),
  'expression, regression': real({ kind: 'expression', formula: 'regression' }),
  ...discrete,
}
