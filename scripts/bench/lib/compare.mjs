/**
 * Two result files by ratios to peers. Absolute times belong to a machine and its load; how much longer a peer took beside us
 * does not. Nothing here passes or fails.
 */
const keyOf = (bench, row, contender) => [bench.name, row.label, row.threads ?? '', contender.name].join('|')

function ratios(report) {
  const found = new Map()
  for (const bench of report.cases)
    for (const row of bench.rows) {
      const ours = row.contenders.find((c) => c.name === 'langevin')
      if (ours === undefined) continue
      for (const c of row.contenders) {
        if (c === ours) continue
        const ratio = c.median / ours.median
        // The ratio of the extremes: what the spread of both sides allows.
        found.set(keyOf(bench, row, c), {
          bench,
          row,
          c,
          ratio,
          low: c.lowest / ours.highest,
          high: c.highest / ours.lowest,
        })
      }
    }
  return found
}

/** One line per ratio that both files have, biggest loss first: { case, row, threads, peer, before, now, change, beyond }. */
export function compare(older, newer) {
  const before = ratios(older)
  const lines = []
  for (const [key, now] of ratios(newer)) {
    const then = before.get(key)
    if (then === undefined) continue
    lines.push({
      case: now.bench.name,
      row: now.row.label,
      threads: now.row.threads,
      peer: now.c.name,
      before: then.ratio,
      now: now.ratio,
      change: now.ratio / then.ratio,
      beyond: now.high < then.low || now.low > then.high,
    })
  }
  return lines.sort((a, b) => a.change - b.change)
}

export function compareText(older, newer) {
  const lines = compare(older, newer)
  if (lines.length === 0) return 'the two files have no row and peer in common'
  const text = lines.map(
    (l) =>
      `${l.change.toFixed(2)}x${l.beyond ? ' *' : '  '}  ${l.case}, ${l.row}${l.threads ? `, ${l.threads} thread(s)` : ''}: ` +
      `${l.peer} took ${l.before.toFixed(2)} times as long as langevin, now ${l.now.toFixed(2)}`,
  )
  return [
    ...text,
    '',
    `* beyond the spread of both files (${older.date} and ${newer.date}); below 1 langevin lost ground`,
  ].join('\n')
}
