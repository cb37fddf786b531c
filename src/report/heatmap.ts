/** Matrices as pictures: the colour map and the PNG. */
import { encode } from 'fast-png'

/** One colour map for every density: paper white where there is nothing, through green and teal to deep blue. */
const stops: readonly (readonly [number, number, number])[] = [
  [255, 253, 248],
  [222, 236, 200],
  [142, 205, 170],
  [58, 150, 165],
  [38, 84, 146],
  [24, 24, 84],
]

/** Colour at u in [0, 1]. */
export function colour(u: number): [number, number, number] {
  const clamped = Math.min(Math.max(u, 0), 1) * (stops.length - 1)
  const i = Math.min(Math.floor(clamped), stops.length - 2)
  const f = clamped - i
  const [a, b] = [stops[i]!, stops[i + 1]!]
  return [0, 1, 2].map((k) => Math.round(a[k]! + (b[k]! - a[k]!) * f)) as [number, number, number]
}

// 64 shades: equal neighbours make small files, and the faint steps read as contour lines.
const SHADES = 64
/** The colours of a picture, by number. */
export const COLOURS = Array.from({ length: SHADES }, (_, i) => colour(i / (SHADES - 1)))

/** The number of a value's colour. */
export function shadeOf(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(Math.max(Math.round(((value - low) / (high - low)) * (SHADES - 1)), 0), SHADES - 1)
}

/** A square part of a matrix: rows and columns first, first + stride, ... (count of them). */
export interface Window {
  first: number
  count: number
  stride: number
}

/**
 * An inline PNG (data URI) of a matrix.
 *
 * @param values row-major `[rows, columns]`; row 0 is the BOTTOM of the picture (smallest y), as on a plot
 * @param range values at or below `range[0]` are white, at or above `range[1]` darkest
 * @param window the part that is shown; default: all of it
 */
export function heatmap(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  range: readonly [number, number],
  window?: Window,
): string {
  const { first, stride } = window ?? { first: 0, stride: 1 }
  const [height, width] = window ? [window.count, window.count] : [rows, columns]
  const pixels = new Uint8Array(height * width * 3)
  for (let r = 0; r < height; r++) {
    const row = first + stride * (height - 1 - r)
    for (let c = 0; c < width; c++) {
      const index = shadeOf(values[row * columns + first + stride * c]!, range)
      pixels.set(COLOURS[index]!, (r * width + c) * 3)
    }
  }
  const png = encode({ width, height, data: pixels, channels: 3, depth: 8 })
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`
}
