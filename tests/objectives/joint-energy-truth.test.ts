/** jointEnergy on a distribution that is known, in short runs, and the committed results of the long ones. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as langevin from '../../src/index.js'

const root = new URL('../../', import.meta.url)
interface Judged {
  density: number
  classes: number
  fpr95: number
  sure: number
  accuracy: number
  warnings: readonly string[]
}
interface Row extends Judged {
  setting: string
  seed: number
}
interface Verdict {
  bounds: { setting: string; key: string; bound: number; value: number; met: boolean }[]
  met: boolean
  stretch: { value: number; met: boolean }
}
const { trained } = (await import(new URL('scripts/bench/lib/mixture.mjs', root).href)) as {
  trained: (L: typeof langevin, name: string, seed: number, steps: number, rows?: number) => Promise<Judged>
}
const { judge } = (await import(new URL('scripts/bench/joint-energy.mjs', root).href)) as {
  judge: (rows: readonly Row[]) => Verdict
}

describe('three Gaussian classes whose p(x, y) is known, short runs', () => {
  it('cross-entropy alone learns p(y | x) and nothing of p(x)', async () => {
    const found = await trained(langevin, 'cross-entropy', 0, 500)
    expect(found.classes).toBeLessThan(0.01)
    expect(found.accuracy).toBeGreaterThan(0.99)
    expect(found.density).toBeGreaterThan(0.9)
    expect(found.fpr95).toBeGreaterThan(0.5)
  })

  it('jointEnergy learns both, and its softmax stays sure far away', async () => {
    const found = await trained(langevin, 'proper', 0, 500)
    expect(found.classes).toBeLessThan(0.01)
    expect(found.accuracy).toBeGreaterThan(0.99)
    // A third of the steps of the long runs, which end below 0.5.
    expect(found.density).toBeLessThan(0.7)
    expect(found.fpr95).toBeLessThan(0.01)
    expect(found.sure).toBeGreaterThan(0.5)
    expect(found.warnings).not.toContain('temperature')
  }, 120_000)
})

describe('the committed long runs', () => {
  const name = readdirSync(new URL('scripts/bench/results/', root))
    .filter((file) => /^joint-energy-\d{4}/.test(file))
    .sort()
    .at(-1)!
  const { rows, verdict } = JSON.parse(readFileSync(new URL(`scripts/bench/results/${name}`, root), 'utf8')) as {
    rows: Row[]
    verdict: Verdict
  }

  it('have the verdict of their numbers, for three seeds of each setting', () => {
    expect(verdict).toEqual(judge(rows))
    for (const setting of new Set(rows.map((row) => row.setting)))
      expect(rows.filter((row) => row.setting === setting).map(({ seed }) => seed)).toEqual([0, 1, 2])
    expect(verdict.met).toBe(true)
  })

  it('are what the guide says', () => {
    const guide = readFileSync(new URL('docs/guides/joint-energy.md', root), 'utf8')
    for (const setting of new Set(rows.map((row) => row.setting))) {
      const own = rows.filter((row) => row.setting === setting)
      const median = (key: keyof Judged) => own.map((row) => row[key] as number).sort((a, b) => a - b)[1]!
      const cells = (['density', 'classes', 'fpr95', 'sure', 'accuracy'] as const).map((key) => median(key).toFixed(3))
      expect(guide).toContain(`| ${setting} | ${cells.join(' | ')} |`)
    }
    expect(guide).toContain(name)
  })

  it('a bound can be missed', () => {
    const worse = rows.map((row) => ({ ...row, density: row.setting === 'proper' ? row.density + 0.5 : row.density }))
    expect(judge(worse).met).toBe(false)
  })
})

describe('the committed runs on digits', () => {
  const name = 'joint-energy-digits-2026-12-01.json'
  interface Digits {
    means: Record<string, Record<string, number>>
    bounds: Record<string, boolean>
    met: boolean
  }
  const { rows, verdict } = JSON.parse(readFileSync(new URL(`scripts/bench/results/${name}`, root), 'utf8')) as {
    rows: Record<string, number | string | null>[]
    verdict: Digits
  }

  it('have the verdict of their numbers, and the guide says which bound was missed', async () => {
    const script = new URL('scripts/bench/joint-energy-digits.mjs', root).href
    const { judge: judgeDigits } = (await import(script)) as { judge: (given: typeof rows) => Digits }
    expect(verdict).toEqual(judgeDigits(rows))
    expect(verdict.bounds).toEqual({
      'accuracy within 2 points of the control': true,
      'a lower calibration error': false,
    })
    const guide = readFileSync(new URL('docs/guides/joint-energy.md', root), 'utf8')
    expect(guide).toContain('was aimed at and missed')
    expect(guide).toContain(name)
    const sets = ['energy, noise', 'maxSoftmax, noise', 'energy, other digits', 'maxSoftmax, other digits']
    for (const [setting, means] of Object.entries(verdict.means)) {
      const cells = ['accuracy', 'ece', 'nll', ...sets].map((key) => means[key]!.toFixed(3))
      expect(guide).toContain(`| ${setting} | ${cells.join(' | ')} |`)
    }
  })
})
