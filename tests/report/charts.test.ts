/** Axes, number formats and pages of reports. */
import { describe, expect, it } from 'vitest'
import { lineChart } from '../../src/report/chart.js'
import { html, page } from '../../src/report/html.js'
import { linearScale, logScale, range, varies } from '../../src/report/scale.js'
import { dotPlot } from '../../src/report/svg.js'
import { trainReport } from '../../src/report/train-report.js'
import { shortSummary } from '../../src/studies/statistics.js'

const texts = ({ html: svg }: { html: string }) =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!)

describe('axes', () => {
  it('write every tick with the digits that its step needs', () => {
    const { ticks, text } = linearScale(0.9, 1, 0, 100, 4)
    expect(ticks.map(text)).toEqual(['0.90', '0.92', '0.94', '0.96', '0.98', '1.00'])
    // Of any axis: what is written is the tick to a hundredth of a step.
    for (const [low, high] of [
      [0.9, 1],
      [-3, 8],
      [0.0002, 0.0009],
      [1e-7, 6e-7],
      [0, 64_000],
      [1e6, 1.2e6],
      [-0.05, 0.05],
    ] as const) {
      const axis = linearScale(low, high, 0, 100)
      const step = axis.ticks[1]! - axis.ticks[0]!
      for (const tick of axis.ticks) {
        const written = axis.text(tick).replace('−', '-').replace('k', 'e3').replace('M', 'e6')
        expect(Math.abs(Number(written) - tick), `${tick} as ${written}`).toBeLessThan(step / 100)
      }
    }
  })

  it('have round powers of ten where they are logarithmic', () => {
    const axis = logScale(3e-6, 2, 0, 100)
    expect(axis.ticks.map(axis.text)).toEqual(['1e-5', '1e-4', '0.001', '0.01', '0.1', '1'])
    expect(axis.at(3e-6)).toBeCloseTo(0)
    expect(axis.at(2)).toBeCloseTo(100)
    expect(logScale(2, 5, 0, 100).ticks).toEqual([2, 2.5, 3, 3.5, 4, 4.5, 5])
  })

  it('do not blow rounding up to a curve', () => {
    const constant = [0.001, 0.001 * (1 + 2e-16), 0.001]
    expect(varies(constant)).toBe(false)
    expect(varies([0.001, 0.00101])).toBe(true)
    expect(range(constant)[1] - range(constant)[0]).toBeCloseTo(0.0002, 8)
  })
})

it('a learning rate that is constant but for rounding is not drawn', () => {
  const history = Array.from({ length: 20 }, (_, step) => ({
    step,
    loss: 1 / (step + 1),
    learningRate: 0.001 * (1 + (step % 2) * 2e-16),
  }))
  const result = { steps: 20, seconds: 1, history, extras: {}, statistics: {}, warnings: [] }
  const run = { energy: {}, objective: {}, data: {} }
  const { body } = trainReport({ ...result, run } as never, {})
  const titles = body.flatMap((part) => [...part.html.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title))
  expect(titles.join()).toMatch(/[Ll]oss/)
  expect(titles.join()).not.toMatch(/[Ll]earning rate/)
})

it('a dot plot has room for its longest label and a logarithmic axis', () => {
  const rows = [
    { label: 'breast_cancer · mahalanobis, of the standardised rows', values: [1e-5, 2e-4] },
    { label: 'b', values: [0, 0.5] },
  ]
  const plot = dotPlot(rows, { title: 't', unit: 'u', low: 1e-5, high: 1, log: true })
  expect(texts(plot)).toEqual(expect.arrayContaining(['1e-5', '0.001', '0.1']))
  const xs = [...plot.html.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x))
  expect(xs[2]).toBe(xs[0]) // 0 is drawn at the lower end
  expect(xs[0]).toBeGreaterThan(6 * rows[0]!.label.length)
  expect(xs.every(Number.isFinite)).toBe(true)
})

it('lines are lifted where a value is missing', () => {
  const points = [
    [0, 1],
    [1, Number.NaN],
    [2, 3],
    [3, 2],
  ] as const
  const chart = lineChart([{ label: 'a', points }], { title: 't', xLabel: 'x' })
  expect(chart.html.match(/ d="[^"]*"/)![0].match(/M/g)).toHaveLength(2)
})

it('a mean and its spread have one exponent and the digits of the spread', () => {
  const of = (mean: number, sd: number | null) => shortSummary({ n: 3, mean, sd })
  expect(of(0.326, 0.0022)).toBe('0.3260 ± 0.0022')
  expect(of(0.582, 2.2e-4)).toBe('0.5820 ± 0.0002')
  expect(of(6.2e-11, 6.6e-11)).toBe('(6.2 ± 6.6)e−11')
  expect(of(-123.4, 12)).toBe('−123 ± 12')
  expect(of(1.5, null)).toBe('1.50')
})

it('a page begins with question and answer and lists its sections', () => {
  const body = ['one', 'two <i>', 'three', 'four'].map((title) => html`<h2>${title}</h2><p>text</p>`)
  const summary = { question: 'why?', answer: 'because', reading: 'left to right' }
  const made = { title: 't', lead: 'l', command: 'c', made: 'today' }
  const text = page({ ...made, summary, body })
  expect(text.indexOf('why?')).toBeLessThan(text.indexOf('<nav'))
  expect([...text.matchAll(/<a href="#(s\d)">/g)].map(([, id]) => text.includes(`<h2 id="${id}">`))).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(text).toContain('two &lt;i&gt;')
  expect(page({ ...made, body: body.slice(1) })).not.toContain('<nav')
})
