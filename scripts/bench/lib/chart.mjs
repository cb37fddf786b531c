/** Log-log charts of time against chains and against width, with the floor: plain SVG text. */
const WIDTH = 720
const HEIGHT = 440
const AREA = { left: 70, right: 570, top: 50, bottom: 380 }
const COLOURS = { langevin: '#c2410c', 'JAX jit': '#2563eb', 'PyTorch eager': '#64748b', TorchEBM: '#15803d' }
const AXES = {
  chains: { title: 'Time of one Langevin step against chains: 2-64-64-1, one thread', x: 'chains' },
  width: { title: 'Time of one Langevin step against width: 2-w-w-1, 1,000 chains, one thread', x: 'width w' },
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const round = (v) => Math.round(v * 10) / 10
const text = (x, y, content, more = '') => `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(content)}</text>`
const line = (a, b, more) =>
  `<line x1="${round(a[0])}" y1="${round(a[1])}" x2="${round(b[0])}" y2="${round(b[1])}" ${more}/>`

/** Positions on a logarithmic axis between two pixels. */
export function logScale(low, high, from, to) {
  const [a, b] = [Math.log(low), Math.log(high)]
  return (v) => from + ((Math.log(v) - a) / (b - a)) * (to - from)
}

/** 1, 10, 100, ... between the two, ends included. */
export function decades(low, high) {
  const first = Math.floor(Math.log10(low) + 1e-9)
  const last = Math.ceil(Math.log10(high) - 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
}

function timeText(microseconds) {
  if (microseconds >= 1e6) return `${microseconds / 1e6} s`
  return microseconds >= 1000 ? `${microseconds / 1000} ms` : `${microseconds} us`
}

/** Moves labels apart, top to bottom, by at least `gap` pixels. */
export function spread(labels, gap = 15) {
  const sorted = labels.toSorted((a, b) => a.y - b.y)
  for (let i = 1; i < sorted.length; i++) sorted[i].y = Math.max(sorted[i].y, sorted[i - 1].y + gap)
  return sorted
}

/** Series of one axis: { name, colour, dashed, points: [at, value][] }. */
function seriesOf(axis, rows, peak, secondsPerUnit) {
  const names = [...new Set(rows.flatMap(({ contenders }) => contenders.map(({ name }) => name)))]
  const series = names.map((name) => ({
    name,
    colour: COLOURS[name] ?? '#111827',
    points: rows.flatMap(({ chart, contenders }) => {
      const c = contenders.find((each) => each.name === name)
      return c === undefined ? [] : [[chart[axis], c.median]]
    }),
  }))
  const floor = rows.map(({ chart, flop }) => [chart[axis], flop / (peak.float32 * 1e9) / secondsPerUnit])
  return [...series, { name: 'FMA floor', colour: '#111827', dashed: true, points: floor }]
}

export function chart(axis, rows, peak, secondsPerUnit, source) {
  const series = seriesOf(axis, rows, peak, secondsPerUnit)
  const at = rows.map(({ chart: own }) => own[axis])
  const values = series.flatMap(({ points }) => points.map(([, v]) => v))
  const ticks = decades(Math.min(...values), Math.max(...values))
  const x = logScale(Math.min(...at), Math.max(...at), AREA.left + 15, AREA.right - 10)
  const y = logScale(ticks[0], ticks.at(-1), AREA.bottom, AREA.top)
  const parts = [
    text(AREA.left, 26, AXES[axis].title, 'font-size="14" font-weight="600"'),
    ...ticks.map((v) => line([AREA.left, y(v)], [AREA.right, y(v)], 'stroke="#e5e7eb"')),
    ...ticks.map((v) => text(AREA.left - 8, y(v) + 4, timeText(v), 'text-anchor="end"')),
    ...at.map((v) => line([x(v), AREA.bottom], [x(v), AREA.bottom + 5], 'stroke="#6b7280"')),
    ...at.map((v) => text(x(v), AREA.bottom + 20, v.toLocaleString('en'), 'text-anchor="middle"')),
    line([AREA.left, AREA.bottom], [AREA.right, AREA.bottom], 'stroke="#6b7280"'),
    text((AREA.left + AREA.right) / 2, AREA.bottom + 40, AXES[axis].x, 'text-anchor="middle"'),
    text(AREA.right + 140, HEIGHT - 6, source, 'text-anchor="end" font-size="10" fill="#6b7280"'),
  ]
  for (const { colour, dashed, points } of series) {
    const path = points.map(([a, v], i) => `${i === 0 ? 'M' : 'L'}${round(x(a))} ${round(y(v))}`).join('')
    parts.push(
      `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`,
    )
    if (!dashed)
      for (const [a, v] of points)
        parts.push(`<circle cx="${round(x(a))}" cy="${round(y(v))}" r="3" fill="${colour}"/>`)
  }
  const labels = series.map(({ name, colour, points }) => ({ name, colour, y: y(points.at(-1)[1]) }))
  for (const { name, colour, y: height } of spread(labels))
    parts.push(text(AREA.right + 6, height + 4, name, `fill="${colour}" font-weight="600"`))
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" font-family="system-ui, sans-serif" font-size="12" fill="#111827"><title>${escaped(AXES[axis].title)}</title><rect width="100%" height="100%" fill="#ffffff"/>${parts.join('\n')}</svg>\n`
}

/** Pairs of path and SVG for the cases of a report that ask for a chart. */
export function charts(report) {
  const peak = report.peaks.find(({ threads }) => threads === 1)
  return report.cases.flatMap(({ rows, secondsPerUnit }) =>
    Object.keys(AXES).flatMap((axis) => {
      const own = rows
        .filter((row) => row.chart?.[axis] !== undefined && (row.threads ?? 1) === 1)
        .sort((a, b) => a.chart[axis] - b.chart[axis])
      if (own.length < 2 || peak === undefined) return []
      const source = `${report.machine.cpu}, ${report.date}`
      return [[`docs/images/bench-${axis}.svg`, chart(axis, own, peak, secondsPerUnit, source)]]
    }),
  )
}
