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
