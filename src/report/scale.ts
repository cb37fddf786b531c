/** Axes: where a number lies, the round numbers beside it and how they are written (d3-scale, d3-format). */
import { format } from 'd3-format'
import { scaleLinear, scaleLog } from 'd3-scale'

export interface Scale {
  at: (v: number) => number
  ticks: number[]
  text: (v: number) => string
}

/** Values that differ by no more than the rounding of a double times this are one value. */
const SAME = 1e-9

/** Whether values differ by more than rounding. */
export function varies(values: readonly number[]): boolean {
  const finite = values.filter(Number.isFinite)
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  return high - low > SAME * Math.max(Math.abs(low), Math.abs(high))
}

/** From the lowest to the highest finite value with a margin of 5 %; around a single value 10 % of its size. */
export function range(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return [0, 1]
  const low = finite.reduce((a, b) => Math.min(a, b))
  const high = finite.reduce((a, b) => Math.max(a, b))
  const margin = varies(finite) ? (high - low) * 0.05 : Math.max(Math.abs(high) * 0.1, 1e-9)
  return [low - margin, high + margin]
}

/** The same for a logarithmic axis; values that are not positive do not count. */
export function logRange(values: readonly number[]): [number, number] {
  const [low, high] = range(values.filter((v) => v > 0).map(Math.log10))
  return [10 ** low, 10 ** high]
}

/** How the ticks of an axis are written: all with as many digits as their step needs; 12k, 1e-5 where they are long. */
function tickFormat(made: ReturnType<typeof scaleLinear<number>>, count: number): (v: number) => string {
  const largest = Math.max(...made.domain().map(Math.abs))
  if (largest >= 1e4) return made.tickFormat(count, '~s')
  return made.tickFormat(count, largest < 1e-3 ? '~e' : undefined)
}

/** An axis of numbers with about `count` round ticks. */
export function linearScale(low: number, high: number, from: number, to: number, count = 5): Scale {
  const made = scaleLinear().domain([low, high]).range([from, to])
  return { at: made, ticks: made.ticks(count), text: tickFormat(made, count) }
}

const plain = format('~r')
const power = format('.0e')
const powerText = (v: number) => (v >= 1e-3 && v < 1e4 ? plain(v) : power(v).replace('+', ''))

/** A logarithmic axis with a tick per power of ten, or round numbers where it spans fewer than two of them. */
export function logScale(low: number, high: number, from: number, to: number, count = 5): Scale {
  const made = scaleLog().domain([low, high]).range([from, to])
  const [first, last] = [Math.ceil(Math.log10(low) - SAME), Math.floor(Math.log10(high) + SAME)]
  if (last - first < 1) {
    const linear = scaleLinear().domain([low, high])
    return { at: made, ticks: linear.ticks(count).filter((v) => v > 0), text: tickFormat(linear, count) }
  }
  const every = Math.max(1, Math.ceil((last - first + 1) / (count + 2)))
  const ticks = Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every))
  return { at: made, ticks, text: powerText }
}
