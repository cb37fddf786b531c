/** The middle value; of an even number the mean of the two in the middle. */
export function median(values) {
  if (values.length === 0) throw new RangeError('median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2
}

/** Median with its spread. */
export function summary(values) {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}

export function geometricMean(values) {
  if (values.length === 0) throw new RangeError('geometric mean of nothing')
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length)
}
