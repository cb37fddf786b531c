// Which kinds the golden runs have used: every kind the package offers must be in one, or the record would not notice when
// its numbers change.

const isFunction = (value) => typeof value === 'function'
/** Modules of functions that make no kinds, and those whose functions are added by name below. */
const NO_FACTORIES = new Set(['data', 'evaluate', 'expr', 'graph', 'io', 'metrics', 'ood', 'partition', 'tables'])

/**
 * The families of kinds: every export that is a module or object of factories (energies, samplers, ...), whatever its name,
 * and those modules of functions that compute.
 */
export function families(langevin) {
  const found = {}
  for (const [name, value] of Object.entries(langevin)) {
    if (typeof value !== 'object' || value === null || NO_FACTORIES.has(name)) continue
    if (Object.values(value).length > 0 && Object.values(value).every(isFunction)) found[name] = value
  }
  return { ...found, partition: langevin.partition, metrics: langevin.metrics, 'data.toys': langevin.data.toys }
}

/** `langevin` whose factories write down in `used` which of them were called, as 'samplers.mala'. */
export function watched(langevin, used) {
  const watch = (family, members) =>
    Object.fromEntries(
      Object.entries(members).map(([name, member]) => [
        name,
        isFunction(member)
          ? (...given) => {
              used.add(`${family}.${name}`)
              return member(...given)
            }
          : member,
      ]),
    )
  const all = Object.entries(families(langevin)).map(([family, members]) => [family, watch(family, members)])
  const { 'data.toys': toys, ...own } = Object.fromEntries(all)
  return { ...langevin, ...own, data: { ...langevin.data, toys } }
}

/** Kinds without a golden run, as a text each that says what to add. */
export function uncovered(langevin, used) {
  return Object.entries(families(langevin)).flatMap(([family, members]) =>
    Object.keys(members)
      .filter((name) => isFunction(members[name]) && !used.has(`${family}.${name}`))
      .map(
        (name) =>
          `${family}.${name} has no golden run: add a case that uses it to scripts/golden/cases (with quick: true, so that ` +
          'tests/golden sees it too)',
      ),
  )
}
