// What the golden cases share: tensors of rows, models that are disposed of, and the results of a call as plain members.

import { even, labels, states } from '../rows.mjs'

/** Numbers of rows and chains around the borders of tiles: one row, one less than a tile, a tile, one more, several. */
export const SIZES = [1, 127, 128, 129, 300, 1000]

/** Rows of rows.mjs as a tensor. */
export function rowsOf({ langevin, dtype }, { data, rows, columns }) {
  return langevin.tensor(data, [rows, columns], dtype === 'bfloat16' ? 'float32' : dtype)
}

/** An energy over bits, and rows for it. */
export const rbm = ({ energies }) => energies.rbm({ input: 9, hidden: 7 })
export const binary = { x: (context, n) => rowsOf(context, states(n, 9, 'binary', 23)) }

/** The bytes of a tensor, to compare. */
export const bytesOf = (tensor) => Buffer.from(tensor.toTypedArray().buffer)

/** The condition of a subject for n rows. */
export function conditionOf(context, { classes, condition }, n) {
  if (classes !== undefined) return { y: context.langevin.tensor(labels(n, classes, 3), [n]) }
  return condition === undefined ? {} : { y: rowsOf(context, even(n, condition, 4)) }
}

/** Makes a model, sets parameters where given, and disposes of it after `body`. */
export async function withModel({ langevin, dtype }, spec, body, { seed = 7, set } = {}) {
  const model = await langevin.Energy.create(spec, { dtype, seed })
  try {
    if (set !== undefined) await model.setParameters(set)
    return await body(model)
  } finally {
    model.dispose()
  }
}

/** Members of an object by name, those it has. */
export const pick = (value, names) =>
  Object.fromEntries(names.filter((name) => value?.[name] !== undefined).map((name) => [name, value[name]]))

/** A result without what a clock says. */
export function timeless(value) {
  if (value === null || typeof value !== 'object' || typeof value.toTypedArray === 'function') return value
  if (Array.isArray(value)) return value.map(timeless)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !/second/i.test(key))
      .map(([key, member]) => [key, timeless(member)]),
  )
}

const DIAGNOSTICS = [
  'acceptance',
  'wouldBeAcceptance',
  'rhat',
  'ess',
  'mcse',
  'columns',
  'traced',
  'divergences',
  'burnInDivergences',
  'effectiveTemperature',
  'clippedShare',
  'clampedShare',
  'chainReport',
  'energy',
  'leapfrogSteps',
  'deepestShare',
  'temperatures',
  'swapAcceptance',
  'replicaAcceptance',
  'stepSize',
  'chains',
  'steps',
  'burnIn',
]

/** What a sampling run leaves. */
export const sampled = (result) => ({
  ...pick(result, ['samples', 'energy', 'trajectory', 'trajectoryEnergy', 'moments', 'trace']),
  state: pick(result.state, ['x', 'velocity', 'adaptation', 'replicas', 'nextStep']),
  diagnostics: pick(result.diagnostics, DIAGNOSTICS),
})

/** History columns that stand together in the record; any other is a result of its own. */
const HISTORY = {
  'history.run': ['step', 'gradientNorm', 'parameterNorm', 'lr'],
  'history.chains': [
    'gap',
    'energyData',
    'energyNegatives',
    'acceptance',
    'displacement',
    'clippedShare',
    'clampedShare',
  ],
  'history.uniform': ['energyUniform', 'uniformGap'],
}

/** A history by monitor: the values of each in order. */
function columnsOf(history) {
  const columns = {}
  for (const point of history) {
    for (const [key, value] of Object.entries(point)) {
      columns[key] ??= []
      columns[key].push(value)
    }
  }
  return columns
}

const filled = (value) => (value !== undefined && Object.keys(value).length > 0 ? value : undefined)

/** What a training run and its model leave. */
export async function trained(result, model) {
  const columns = columnsOf(result.history)
  const results = { parameters: await model.parameters(), steps: result.steps }
  for (const [name, keys] of Object.entries(HISTORY)) {
    const group = filled(pick(columns, keys))
    if (group !== undefined) results[name] = group
    for (const key of keys) delete columns[key]
  }
  for (const [key, values] of Object.entries(columns)) results[`history.${key}`] = values
  for (const key of ['rawParameters', 'extras', 'networks']) results[key] = filled(result[key])
  results.statistics = filled(timeless(result.statistics))
  return results
}
