/** The committed results of energy discrepancy on rows of known law: all limits hold, and the guide says what was measured. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const text = (path: string) => readFileSync(new URL(path, root), 'utf8')
interface Check {
  part: string
  metric: string
  limit: string
  worst: number
  passed: boolean
}
type Row = Record<string, number | string> & { part: string }
const resultOf = (part: string) =>
  JSON.parse(text(`scripts/bench/results/discrete-${part}-2026-12-01.json`)) as { checks: Check[]; rows: Row[] }

describe('energy discrepancy on rows of known law', () => {
  const guide = text('docs/guides/mixed-tables.md')
  const holds = ({ limit, worst }: Pick<Check, 'limit' | 'worst'>) => {
    const [side, number] = limit.split(' ')
    return side === '<=' ? worst <= Number(number) : worst >= Number(number)
  }

  it.each([
    ['bits', ['excessNll', 'totalVariation']],
    ['mixed', ['kl', 'conditionalError']],
  ])('%s: every limit holds, of the numbers of its rows, and stands in the guide', (part, metrics) => {
    const { checks, rows } = resultOf(part)
    expect(checks.map(({ metric }) => metric)).toEqual(metrics)
    for (const check of checks) {
      expect(rows.map((row) => row[check.metric])).toContain(check.worst)
      expect(check.passed).toBe(true)
      expect(holds(check)).toBe(true)
      expect(guide).toContain(check.worst.toPrecision(2))
    }
    // Control: a limit can be missed.
    expect(holds({ limit: '<= 0.05', worst: 0.06 })).toBe(false)
  })

  it('rings: two limits hold, and the guide tells the one that is missed', () => {
    const { checks } = resultOf('rings')
    for (const check of checks) expect(check.passed).toBe(holds(check))
    expect(checks.map(({ passed }) => passed)).toEqual([false, true, true])
    const [colour, group, radius] = checks.map(({ worst }) => worst.toPrecision(2))
    expect(guide).toContain(`| 0.9 | ${colour}, missed |`)
    expect(guide).toContain(`| 0.02 | ${group} |`)
    expect(guide).toContain(`| 0.1 | ${radius} |`)
  })

  it('couplings: the scores without and with the L1 penalty stand in the guide beside that of no couplings', () => {
    const { rows } = resultOf('couplings')
    expect(rows).toHaveLength(3)
    for (const { objective, withoutL1, withL1, zero } of rows) {
      expect(Number(zero)).toBeCloseTo(3.912, 3)
      const [without, sparse] = [Number(withoutL1).toFixed(2), Number(withL1).toFixed(2)]
      expect(guide).toMatch(new RegExp(`\\| ${objective} \\| ${without} \\| ${sparse} \\|`))
    }
  })
})

describe('binary MNIST by energy discrepancy', () => {
  const guide = text('docs/guides/mixed-tables.md')
  it.each([['bernoulli'], ['grid']])('%s: what the guide says is what was measured', (perturbation) => {
    const { baseline, rows } = JSON.parse(
      text(`scripts/bench/results/binary-mnist-${perturbation}-2026-12-01.json`),
    ) as {
      baseline: { independentBits: number }
      rows: { perturbation: string; nll: { forward: number; reverse: number }; meanEnergy: { test: number } }[]
    }
    const [row] = rows
    expect(row!.perturbation).toBe(perturbation)
    const { forward, reverse } = row!.nll
    const bounds = `${forward.toFixed(1)} | ${forward < reverse ? reverse.toFixed(1) : 'none'}`
    expect(guide).toContain(`${bounds} | ${baseline.independentBits.toFixed(1)} |`)
  })
})
