/**
 * Every activation over d columns, alone before the linear layer that makes one column of them, and every layer with SiLU in
 * between: the gradient of a linear energy is the same at every x, and a compiler takes it out of the loop.
 */
const linear = (out, more) => ({ kind: 'linear', out, ...more })
const activation = (name) => ({ kind: 'activation', activation: name })

const LAYERS = {
  linear: (d) => linear(d),
  'linear, no bias': (d) => linear(d, { bias: false }),
  'linear, spectral norm': (d) => linear(d, { spectralNorm: true }),
  layerNorm: () => ({ kind: 'layerNorm' }),
  'layerNorm, not affine': () => ({ kind: 'layerNorm', affine: false }),
  dropout: () => ({ kind: 'dropout', p: 0.5 }),
  residual: (d) => ({ kind: 'residual', layers: [linear(d), activation('silu')] }),
  embedding: () => ({ kind: 'embedding', classes: 10, width: 16 }),
  flatten: () => ({ kind: 'flatten' }),
}
const ACTIVATIONS = ['silu', 'gelu', 'tanh', 'sigmoid', 'softplus', 'relu', 'leakyRelu']

const alone =
  (layer, ...after) =>
  (d) => ({
    energy: { kind: 'sequential', input: d, layers: [layer(d), ...after, linear(1)] },
    ...(layer(d).classes && { classes: layer(d).classes }),
  })

export const layers = Object.fromEntries([
  ...Object.entries(LAYERS).map(([name, layer]) => [name, alone(layer, activation('silu'))]),
  ...ACTIVATIONS.map((name) => [name, alone(() => activation(name))]),
])
