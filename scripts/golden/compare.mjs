// Compares two records of golden runs: which runs differ, in which result, and by how much.

/** The pattern of a run's name; * stands for any text. */
function matcher(pattern) {
  const escaped = pattern.split('*').map((text) => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`)
}

/** Whether one of the patterns is the name's. */
export function matches(patterns, name) {
  return patterns.some((pattern) => matcher(pattern).test(name))
}

/**
 * The largest difference between two summaries of one result, relative to the larger of the two numbers, or to what numbers
 * of that result are worth where both are small beside it: their root mean square, and for plain numbers, each of which has
 * a scale of its own, no more than 1.
 */
export function difference([mark, count, norm, ...values], [, otherCount, otherNorm, ...others]) {
  if (count !== otherCount || values.length !== others.length) return Number.POSITIVE_INFINITY
  const usual = Math.max(norm, otherNorm) / Math.sqrt(Math.max(1, count))
  const size = mark[0] === 'n' ? Math.min(1, usual) : usual
  const one = (a, b) => {
    if (a === b) return 0
    if (typeof a !== 'number' || typeof b !== 'number') return Number.POSITIVE_INFINITY
    return Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), size)
  }
  return Math.max(one(norm, otherNorm), ...values.map((value, i) => one(value, others[i])))
}

/** What differs between two runs: the results by name, the largest difference first. */
function changes(now, then) {
  const names = [...new Set([...Object.keys(now.parts), ...Object.keys(then.parts)])]
  const found = []
  for (const name of names) {
    const [a, b] = [now.parts[name], then.parts[name]]
    if (a === undefined || b === undefined) found.push({ name, by: Number.POSITIVE_INFINITY, missing: a === undefined })
    else if (a[0] !== b[0]) found.push({ name, by: difference(a, b) })
  }
  return found.sort((a, b) => b.by - a.by)
}

/**
 * @param now the record just made @param then the one it must equal
 * @param options.allow patterns of runs that may differ by `tolerance`
 * @param options.complete whether `now` should hold every run of `then`
 * @returns runs by what became of them: equal, near (differ within what they are allowed), changed, missing, fresh
 */
export function compare(now, then, { allow = [], tolerance = 0, complete = true } = {}) {
  const report = { equal: [], near: [], changed: [], missing: [], fresh: [] }
  for (const [name, run] of Object.entries(now.runs)) {
    const other = then.runs[name]
    if (other === undefined) report.fresh.push({ name })
    else if (other.sha256 === run.sha256) report.equal.push({ name })
    else {
      const parts = changes(run, other)
      // A result that is new beside the old ones changes nothing; one that is gone does.
      const told = parts.filter(({ missing }) => missing !== false)
      const by = Math.max(0, ...told.map((part) => part.by))
      const within = told.length === 0 || (by <= tolerance && matches(allow, name))
      report[within ? 'near' : 'changed'].push({ name, parts, by })
    }
  }
  if (complete) {
    for (const name of Object.keys(then.runs)) if (now.runs[name] === undefined) report.missing.push({ name })
  }
  return report
}

const size = ({ by, missing }) => {
  if (missing === true) return 'is gone'
  if (missing === false) return 'is new'
  if (by === 0) return 'differs in numbers that are not stored'
  return by === Number.POSITIVE_INFINITY
    ? 'has another size, or a number that is not finite'
    : `differs by ${by.toExponential(1)}`
}

/** The report in lines: what is wrong, then what is merely worth knowing. */
export function lines(report, tolerance) {
  const told = ({ name, parts }) => {
    const [first, ...rest] = parts
    return `${name}: ${first.name} ${size(first)}${rest.length > 0 ? `; ${rest.length} more: ${rest.map((p) => p.name).join(', ')}` : ''}`
  }
  return [
    ...report.changed.map((run) => `CHANGED  ${told(run)}`),
    ...report.missing.map(({ name }) => `MISSING  ${name}`),
    ...report.near.map((run) => `allowed  ${told(run)}`),
    ...report.fresh.map(({ name }) => `new      ${name}`),
    `${report.equal.length} runs bit-equal, ${report.near.length} within ${tolerance}, ${report.changed.length} changed, ` +
      `${report.missing.length} missing, ${report.fresh.length} new`,
  ]
}
