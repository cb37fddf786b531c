// Three Gaussian classes in the plane whose p(x, y) is known, and how far a classifier's energies are from it.
const MEANS = [
  [0, 2],
  [1.8, -1],
  [-1.8, -1],
]
const WEIGHTS = [0.5, 0.3, 0.2]
const SIGMA = 0.5
/** Where densities are compared: cells of equal size. */
export const GRID = { low: -6, high: 6, cells: 200 }
/** The far region: where the true density is below this share of its largest value. */
const FAR = 1e-4

/** Numbers from 0 to 1: mulberry32. */
function uniforms(seed) {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Rows with their classes. */
export function rowsOf(n, seed) {
  const uniform = uniforms(seed)
  const x = []
  const y = []
  for (let i = 0; i < n; i++) {
    const u = uniform()
    const k = u < WEIGHTS[0] ? 0 : u < WEIGHTS[0] + WEIGHTS[1] ? 1 : 2
    const r = SIGMA * Math.sqrt(-2 * Math.log(1 - uniform()))
    const angle = 2 * Math.PI * uniform()
    x.push([MEANS[k][0] + r * Math.cos(angle), MEANS[k][1] + r * Math.sin(angle)])
    y.push(k)
  }
  return { x, y }
}

/** p(x, y) of every class at a point. */
const densities = ([a, b]) =>
  MEANS.map(
    ([m, n], k) =>
      (WEIGHTS[k] * Math.exp(-((a - m) ** 2 + (b - n) ** 2) / (2 * SIGMA ** 2))) / (2 * Math.PI * SIGMA ** 2),
  )

const normalised = (values) => {
  const sum = values.reduce((s, v) => s + v, 0)
  return values.map((v) => v / sum)
}
const softmax = (logits) => {
  const largest = Math.max(...logits)
  return normalised(logits.map((f) => Math.exp(f - largest)))
}
const distance = (p, q) => p.reduce((sum, v, i) => sum + Math.abs(v - q[i]) / 2, 0)

/** Centres of the cells. */
export function centres() {
  const { low, high, cells } = GRID
  const axis = Array.from({ length: cells }, (_, i) => low + ((high - low) * (i + 0.5)) / cells)
  return axis.flatMap((a) => axis.map((b) => [a, b]))
}

/**
 * Of a classifier: total variation between exp(-E) / Z and the true p(x) on the grid, that of p(y | x) averaged over the true p(x),
 * the share of the far region that E takes for data when 95 % of new rows are, the share of it where the largest probability is
 * above 0.95, and the accuracy on new rows.
 */
export async function judgeModel(L, model, seed) {
  const grid = centres()
  const joint = grid.map(densities)
  const truth = normalised(joint.map((p) => p.reduce((s, v) => s + v, 0)))
  const points = L.tensor(Float32Array.from(grid.flat()), [grid.length, 2])
  const energy = (await model.energy(points)).toArray()
  const logits = (await model.logits(points)).toArray()
  const least = Math.min(...energy)
  const learned = normalised(energy.map((e) => Math.exp(least - e)))
  const highest = peak(truth)
  const far = truth.map((p) => p < FAR * highest)
  const test = rowsOf(2000, 1000 + seed)
  const own = (await model.energy(test.x)).toArray().sort((a, b) => a - b)
  const threshold = own[Math.ceil(0.95 * own.length) - 1]
  const found = (await model.logits(test.x)).toArray()
  const right = found.filter((f, i) => f.indexOf(Math.max(...f)) === test.y[i]).length
  const share = (holds) => grid.filter((_, i) => far[i] && holds(i)).length / far.filter(Boolean).length
  return {
    density: distance(learned, truth),
    classes: truth.reduce((sum, p, i) => sum + p * distance(softmax(logits[i]), normalised(joint[i].map(floor))), 0),
    fpr95: share((i) => energy[i] <= threshold),
    sure: share((i) => Math.max(...softmax(logits[i])) > 0.95),
    accuracy: right / test.y.length,
  }
}

/** Far from all classes their densities are 0 in float64: then they count as equal (with a weight p(x) of 0). */
const floor = (p) => Math.max(p, 1e-300)
const peak = (values) => values.reduce((a, b) => Math.max(a, b), 0)

/** What is trained: the published network size, 3,000 steps. */
export const network = (L) => L.energies.classifier({ input: 2, classes: 3, hidden: [64, 64], activation: 'silu' })

/** How, by name. */
export function settings(L, steps = 3000) {
  const { objectives, samplers, optimizers, schedules } = L
  const buffer = { size: 4000, reinit: 0.05 }
  // Short chains do not cross from class to class: restarts that pass a Metropolis test carry the weights of the classes.
  const tested = { size: 4000, reinit: 0.3, reinitAccept: 'metropolis' }
  const falling = optimizers.adam({ lr: schedules.step({ from: 1e-3, factor: 0.1, milestones: [0.7] }) })
  const cosine = optimizers.adam({ lr: schedules.cosine({ from: 2e-3, to: 2e-5 }) })
  const common = { steps, batchSize: 256, optimizer: falling }
  const box = { low: GRID.low, high: GRID.high }
  const proper = samplers.langevin({ steps: 20, stepSize: 0.02 })
  const annealed = samplers.langevin({ steps: 20, stepSize: schedules.geometric({ from: 0.1, to: 0.005 }) })
  const published = samplers.langevin({ form: 'heuristic', steps: 20, stepSize: 1, noise: 0.01, clip: 1 })
  const joint = (sampler, given) => objectives.jointEnergy({ sampler, buffer: given })
  return {
    'cross-entropy': { ...common, objective: objectives.jointEnergy({ density: 0 }) },
    'proper, plain restarts': { ...common, objective: joint(proper, buffer) },
    proper: { ...common, objective: joint(proper, tested) },
    'proper, averaged': { ...common, ema: 0.999, optimizer: cosine, objective: joint(annealed, tested) },
    published: { ...common, objective: joint(published, buffer) },
    'grid likelihood': {
      ...common,
      optimizer: optimizers.adam({ lr: schedules.cosine({ from: 3e-3, to: 1e-5 }) }),
      objective: objectives.maximumLikelihood({ box, cells: 60, jitter: true }),
    },
  }
}

/** Trains one and judges it. */
export async function trained(L, name, seed, steps, rows = 4000) {
  const { x, y } = rowsOf(rows, seed)
  const model = await L.Energy.create(network(L), { seed })
  try {
    const labels = L.tensor(BigInt64Array.from(y, BigInt))
    const result = await L.train(model, { x, y: labels }, { ...settings(L, steps)[name], seed }).done
    return { ...(await judgeModel(L, model, seed)), warnings: result.warnings.map(({ code }) => code) }
  } finally {
    model.dispose()
  }
}
