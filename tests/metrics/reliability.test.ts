/** A confidence on the edge of two bins belongs to the upper one, for every number of bins. */
import { expect, test } from 'vitest'
import { metrics } from '../../src/index.js'

test('.57 begins bin 57 of 100', () => {
  const bins = metrics.reliability([0.57], [1], { bins: 100 })
  expect(bins.findIndex(({ count }) => count > 0)).toBe(57)
})

test.each(['float64', 'float32'])('k / bins begins bin k, and the number before it ends bin k - 1: %s', (dtype) => {
  const single = dtype === 'float32'
  const before = (value: number) => {
    if (!single) return value - value * 2 ** -53
    const bits = new Uint32Array(Float32Array.of(value).buffer)
    bits[0]!--
    return new Float32Array(bits.buffer)[0]!
  }
  for (let bins = 1; bins <= 150; bins++) {
    const edges = []
    for (let k = Math.floor(bins / 2) + 1; k < bins; k++) edges.push(k)
    if (edges.length === 0) continue
    const at = edges.map((k) => k / bins)
    const just = at.map((p) => before(single ? Math.fround(p) : p)).filter((p) => p > 0.5)
    const counts = (p: number[]) => {
      const labels = p.map(() => 1)
      const given = single ? Float32Array.from(p) : Float64Array.from(p)
      return metrics.reliability(given, labels, { bins }).map(({ count }) => count)
    }
    expect(counts(at)).toEqual(onePer(edges, bins))
    expect(counts(just)).toEqual(
      onePer(
        edges.slice(edges.length - just.length).map((k) => k - 1),
        bins,
      ),
    )
  }
})

function onePer(filled: readonly number[], bins: number): number[] {
  const counts = Array<number>(bins).fill(0)
  for (const bin of filled) counts[bin]!++
  return counts
}

test('ece asks the same bins', () => {
  // Two rows of opposite truth: in one bin they would nearly cancel.
  const p = [0.57, 0.565]
  expect(metrics.ece(p, [0, 1], { bins: 100 })).toBeCloseTo((0.57 + (1 - 0.565)) / 2, 12)
})
