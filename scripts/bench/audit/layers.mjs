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
/** Images of one channel and about as many lines as columns, with the layer that makes channels of them. */
const IMAGES = { 2: [1, 1, 2], 64: [1, 8, 8], 900: [1, 30, 30] }
const conv2d = (channels, more) => ({ kind: 'conv2d', channels, kernel: 3, padding: 1, ...more })
const IMAGE_LAYERS = {
  conv2d: () => [conv2d(16)],
  'conv2d, stride 2': () => [conv2d(16, { stride: 2 })],
  'conv2d of 16 channels': () => [conv2d(16), activation('silu'), conv2d(16)],
  convTranspose2d: () => [{ kind: 'convTranspose2d', channels: 8, kernel: 2, stride: 2 }],
  pool: (d) => [{ kind: 'pool', kernel: d === 2 ? [1, 2] : 2 }],
  upsample: () => [{ kind: 'upsample' }],
}
const ACTIVATIONS = ['silu', 'gelu', 'tanh', 'sigmoid', 'softplus', 'relu', 'leakyRelu']

const alone =
  (layer, ...after) =>
  (d) => ({
    energy: { kind: 'sequential', input: d, layers: [layer(d), ...after, linear(1)] },
    ...(layer(d).classes && { classes: layer(d).classes }),
  })

const onImages = (list) => (d) => ({
  energy: {
    kind: 'sequential',
    input: IMAGES[d],
    layers: [...list(d), activation('silu'), { kind: 'flatten' }, linear(1)],
  },
})

export const layers = Object.fromEntries([
  ...Object.entries(IMAGE_LAYERS).map(([name, list]) => [name, onImages(list)]),
  ...Object.entries(LAYERS).map(([name, layer]) => [name, alone(layer, activation('silu'))]),
  ...ACTIVATIONS.map((name) => [name, alone(() => activation(name))]),
])
