// How floating-point operations are counted: 2 in out for every row that goes through a linear layer (a multiply and an add),
// the same again for the gradient with respect to its input, and once more for the gradient with respect to its weights.
// Activations, noise, the update and the optimizer are not counted: a share of the peak never looks better through them.

/** 2 sum in out over the linear layers of a network with these widths: one row forward. */
export function forwardFlop(widths) {
  return 2 * widths.slice(1).reduce((sum, out, i) => sum + widths[i] * out, 0)
}

/** One Langevin step: energy and input gradient of every chain. */
export function langevinFlop(widths, chains) {
  return 2 * forwardFlop(widths) * chains
}

/**
 * One step of (persistent) contrastive divergence: `steps` Langevin steps of the negatives, then forward and weight gradients
 * (with the gradients of the hidden layers they need) of data and negatives.
 */
export function contrastiveFlop(widths, batch, steps) {
  const [, ...inner] = widths
  const hidden = inner.length > 1 ? forwardFlop(inner) : 0 // no gradient with respect to x is needed
  return langevinFlop(widths, batch) * steps + 2 * batch * (2 * forwardFlop(widths) + hidden)
}

/** What a contender reached, as a share of the measured peak of its precision; undefined where nothing is counted. */
export function shareOfPeak({ gflops, precision = 'float32' }, peak) {
  const ceiling = peak?.[precision]
  return gflops === undefined || !ceiling ? undefined : gflops / ceiling
}

/** Multiply-adds, times 2, of one image through the layers of a conv network: of each layer. */
function convLayers({ input, channels, kernel, stride, padding, hidden }) {
  const each = (value, i) => (Array.isArray(value) ? value[i] : value)
  let [before, ...size] = input
  const layers = channels.map((out, i) => {
    const places = size.map((n) => Math.floor((n + 2 * each(padding, i) - each(kernel, i)) / each(stride, i)) + 1)
    const flop = 2 * before * out * each(kernel, i) ** 2 * places[0] * places[1]
    before = out
    size = places
    return flop
  })
  return [...layers, forwardFlop([before * size[0] * size[1], ...hidden, 1])]
}

/** One Langevin step: energy and input gradient of every chain. */
export const convLangevinFlop = (spec, chains) => 2 * chains * convLayers(spec).reduce((a, b) => a + b)

/** One training step: forward, weight gradients, and the input gradients of all layers but the first. */
export function convTrainingFlop(spec, batch) {
  const layers = convLayers(spec)
  return batch * (3 * layers.reduce((a, b) => a + b) - layers[0])
}
