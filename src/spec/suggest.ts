/** Suggestions for misspelt names. */

/** Edits (insert, delete, replace, swap of neighbours) that turn a into b, ignoring case. */
function distance(a: string, b: string): number {
  const s = a.toLowerCase()
  const t = b.toLowerCase()
  let before: number[] = []
  let previous = Array.from({ length: t.length + 1 }, (_, j) => j)
  for (let i = 1; i <= s.length; i++) {
    const row = [i]
    for (let j = 1; j <= t.length; j++) {
      const cost = s[i - 1] === t[j - 1] ? 0 : 1
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost)
      if (i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    before = previous
    previous = row
  }
  return previous[t.length]!
}

/** The known name nearest to what was typed; undefined when none is close: more than a third of the letters differ. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const word = typed.slice(0, 64)
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const name of known) {
    const d = distance(word, name)
    if (d < least && d <= Math.max(word.length, name.length) / 3) {
      least = d
      best = name
    }
  }
  return best
}

/** "; did you mean 'hidden'? known: input, hidden" for the end of an error message; without a question when none is close. */
export function hint(typed: string, known: readonly string[]): string {
  const names = [...new Set(known)]
  if (names.length === 0) return '; there are none'
  const best = nearest(typed, names)
  const listed = `known: ${names.join(', ')}`
  return best === undefined ? `; ${listed}` : `; did you mean '${best}'? ${listed}`
}
