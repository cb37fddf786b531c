// Rows the golden runs are fed: made here, by integers alone, so that they do not depend on the package they test. All are
// multiples of 2^-18, which float32 holds exactly.

/** Words of a linear congruential generator. */
function words(salt) {
  let state = (Math.imul(salt, 2654435761) ^ 0x9e3779b9) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 14
  }
}

const fill = (rows, columns, next) => ({ data: Float64Array.from({ length: rows * columns }, next), rows, columns })

/** Even numbers in (-2, 2). */
export function even(rows, columns, salt = 1) {
  const next = words(salt)
  return fill(rows, columns, () => (next() - 131072) / 65536)
}

/** Nearly normal numbers: the sum of four even ones, sd 1.15. */
export function bell(rows, columns, salt = 1) {
  const next = words(salt)
  const one = () => next() - 131072
  return fill(rows, columns, () => (one() + one() + one() + one()) / 131072)
}

/** Two clusters along a bent curve, for objectives that should have something to learn. */
export function clusters(rows, columns, salt = 1) {
  const noise = bell(rows, columns, salt)
  const data = noise.data.map((v, i) => v / 4 + ((Math.floor(i / columns) % 3 === 0) === (i % 2 === 0) ? 1 : -0.5))
  return { ...noise, data }
}

/** States of discrete sites: 'binary' (0, 1), 'spin' (-1, +1), or one-hot blocks of { levels }. */
export function states(rows, columns, kind, salt = 1) {
  const next = words(salt)
  if (kind === 'binary') return fill(rows, columns, () => (next() >> 5) & 1)
  if (kind === 'spin') return fill(rows, columns, () => 2 * ((next() >> 5) & 1) - 1)
  const made = fill(rows, columns, () => 0)
  for (let first = 0; first < made.data.length; first += kind.levels) {
    made.data[first + ((next() >> 5) % kind.levels)] = 1
  }
  return made
}

/** Class numbers 0 .. classes - 1, int64. */
export function labels(rows, classes, salt = 1) {
  const next = words(salt)
  return BigInt64Array.from({ length: rows }, () => BigInt((next() >> 5) % classes))
}
