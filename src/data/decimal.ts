/** Decimal numbers from bytes, to the bits of Number(text), without making a text. */

/** 10^0 .. 10^22: the powers of ten that a float64 holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`))
/** Digits that fit a float64 whatever they are. */
const EXACT_DIGITS = 15
const MOST_DIGITS = 19
// Veltkamp's constant 2^27 + 1 splits a float64 into two halves whose products are exact.
const SPLIT = 134217729

/** Error of the rounded product a * b, exactly (Dekker 1971). */
function productError(a: number, b: number, product: number): number {
  const ca = SPLIT * a
  const ah = ca - (ca - a)
  const al = a - ah
  const cb = SPLIT * b
  const bh = cb - (cb - b)
  const bl = b - bh
  return al * bl - (product - ah * bh - al * bh - ah * bl)
}

/**
 * (head * 10^count + tail) / 10^places, rounded once; NaN where this arithmetic cannot tell which float64 is nearest. `head` has 15
 * digits, `tail` count = 1 to 4 of them. The quotient is computed to about 2^-100 relative, as a sum of two float64.
 */
function longQuotient(head: number, tail: number, count: number, places: number): number {
  const power = POWERS[count]!
  const product = head * power
  const sum = product + tail
  const low = tail - (sum - product) + productError(head, power, product)
  const divisor = POWERS[places]!
  const quotient = sum / divisor
  const back = quotient * divisor
  const rest = sum - back - productError(quotient, divisor, back) + low
  const correction = rest / divisor
  // 2^-98 of the quotient is far above the error of the correction and far below half a unit in its last place.
  const doubt = quotient * 3.1554436208840472e-30
  const below = quotient + (correction - doubt)
  return below === quotient + (correction + doubt) ? below : Number.NaN
}

/** What `scanDecimal` read last. */
export const scanned = new Float64Array(1)

/**
 * Reads the number that begins at `at` and puts it into `scanned`. Returns where it ends, or -1 where there is none or where
 * only Number(text) knows its last bit. `bytes` must hold a byte that is no part of a number further on.
 *
 * @param decimal code of the decimal mark
 */
export function scanDecimal(bytes: Uint8Array, at: number, decimal: number): number {
  let i = at
  let c = bytes[i]!
  const negative = c === 45
  if (negative || c === 43) c = bytes[++i]!
  const first = i
  let head = 0
  let tail = 0
  let significant = 0
  let places = 0
  let point = -1
  for (;;) {
    const digit = c - 48
    if (digit >= 0 && digit <= 9) {
      if (significant < EXACT_DIGITS) head = head * 10 + digit
      else tail = tail * 10 + digit
      if (significant > 0 || digit > 0) significant++
      if (point >= 0) places++
    } else if (c === decimal && point < 0) point = i
    else break
    c = bytes[++i]!
  }
  // At least one digit; whole numbers of 16 digits and more may be identifiers.
  if (i - first - (point < 0 ? 0 : 1) < 1) return -1
  const exponential = (c | 32) === 101
  if (significant > MOST_DIGITS || (point < 0 && !exponential && i - at >= 16)) return -1
  if (exponential) {
    c = bytes[++i]!
    const minus = c === 45
    if (minus || c === 43) c = bytes[++i]!
    const begin = i
    let exponent = 0
    for (; c >= 48 && c <= 57 && i - begin < 4; c = bytes[++i]!) exponent = exponent * 10 + (c - 48)
    if (i === begin || (c >= 48 && c <= 57)) return -1
    places += minus ? exponent : -exponent
  }
  const value = scaled(head, tail, significant, places)
  // A value that is not a number marks what only Number(text) can decide.
  if (Number.isNaN(value)) return -1
  scanned[0] = negative ? -value : value
  return i
}

/** digits / 10^places, rounded once, or NaN. */
function scaled(head: number, tail: number, significant: number, places: number): number {
  if (significant <= EXACT_DIGITS) {
    if (places === 0 || head === 0) return head
    if (places > 0) return places <= 22 ? head / POWERS[places]! : Number.NaN
    return places >= -22 ? head * POWERS[-places]! : Number.NaN
  }
  return places >= 0 && places <= 22 ? longQuotient(head, tail, significant - EXACT_DIGITS, places) : Number.NaN
}
