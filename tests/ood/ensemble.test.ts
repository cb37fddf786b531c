/** Ensembles of detectors, and the score of an energy that the fit trains. */
import { describe, expect, it } from 'vitest'
import { tensor } from '../../src/index.js'
import { type Ensemble, planEnsemble } from '../../src/ood/ensemble.js'
import * as ood from '../../src/ood/index.js'
import type { Tensor } from '../../src/tensor/index.js'
import { rejection } from '../helpers/errors.js'

const { detectors } = ood

/** Three columns, two clusters, by a linear congruence. */
function rows(n: number, seed: number): Tensor {
  let state = seed
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648 - 0.5
  }
  const values = Array.from({ length: n }, (_, i) => [next() + (i % 2) * 3, next() * 2, next() + next()])
  return tensor(Float64Array.from(values.flat()), [n, 3])
}

const train = rows(240, 3)
const x = rows(40, 9)
const raw = { standardize: false, seed: 5 }

describe('an ensemble', () => {
  it('is the mean of its members, each on the scale of the rows its round held out', async () => {
    const members = [detectors.knn({ k: 3 }), detectors.lof({ k: 7 }), detectors.ecod(), detectors.columnDensity()]
    const spec = detectors.ensemble({ members, rounds: 3, heldOut: 0.25, limit: 150 })
    await using fitted = await ood.fit(spec, train, raw)
    const found = (await fitted.scores(x)).toArray() as number[]
    const { sets, dispose } = planEnsemble(train, spec as unknown as Ensemble, raw.seed)
    expect(sets.map(({ train: own, heldOut }) => [own.shape[0], heldOut.shape[0]])).toEqual(Array(3).fill([150, 60]))
    const total = new Array<number>(40).fill(0)
    for (const set of sets) {
      for (const member of members) {
        await using single = await ood.fit(member as ood.Detector, set.train, raw)
        const [aside, own] = [
          (await single.scores(set.heldOut)).toArray(),
          (await single.scores(x)).toArray(),
        ] as number[][]
        // The lower median of an even number, as torch has it.
        const median = [...aside!].sort((a, b) => a - b)[Math.floor((aside!.length - 1) / 2)]!
        const distance = member.kind === 'knn' || member.kind === 'lof'
        const t = (s: number) => (distance ? Math.log(s + 1e-3 * median + 1e-9) : s)
        const mean = aside!.reduce((sum, s) => sum + t(s), 0) / aside!.length
        const sd = Math.sqrt(aside!.reduce((sum, s) => sum + (t(s) - mean) ** 2, 0) / aside!.length)
        own!.forEach((s, i) => {
          total[i]! += (t(s) - mean) / sd / 12
        })
      }
    }
    dispose()
    // Sums of twelve numbers in float64.
    found.forEach((score, i) => {
      expect(Math.abs(score - total[i]!)).toBeLessThan(1e-9)
    })
  })

  it('by default trains an energy in each round, and is a function of the seed', async () => {
    const members = [detectors.knn(), detectors.denoisingScore({ hidden: [8], steps: 40 })]
    const scoresOf = async (seed: number, threads: number) => {
      await using fitted = await ood.fit(detectors.ensemble({ members }), train, { seed, threads })
      return (await fitted.scores(x)).toArray()
    }
    const one = await scoresOf(1, 1)
    expect(await scoresOf(1, 2)).toEqual(one)
    expect(await scoresOf(2, 1)).not.toEqual(one)
    await using whole = await ood.fit(detectors.ensemble(), train, { heldOut: 0.2, seed: 1 })
    expect(whole.live().detector.members).toHaveLength(6)
    expect(whole.live().own).toHaveLength(2)
    const [near, far] = (
      await whole.scores(
        tensor([
          [3, 0, 0],
          [1.5, 0, 9],
        ]),
      )
    ).toArray() as number[]
    expect(far!).toBeGreaterThan(near!)
    expect(whole.pValue(far!)).toBeLessThan(0.05)
  })

  it('is fitted to few rows with fewer neighbours, and refuses fewer than ten', async () => {
    await using fitted = await ood.fit(detectors.ensemble(), rows(14, 1))
    expect((await fitted.scores(x)).shape).toEqual([40])
    const error = await rejection(() => ood.fit(detectors.ensemble(), rows(9, 1)))
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.message).toMatch(/at least 10 rows, there are 9/)
  })

  it('scores duplicates of training rows, and refuses members whose energy was trained elsewhere', async () => {
    await using fitted = await ood.fit(detectors.ensemble({ members: [detectors.knn({ k: 1 })] }), train)
    const scores = (await fitted.scores(train)).toArray() as number[]
    expect(scores.every(Number.isFinite)).toBe(true)
    expect(() => detectors.ensemble({ members: [{ kind: 'ensemble' }] as never })).toThrow(/ensemble/)
  })
})

it('denoisingScore is the norm of the score of the energy it trains', async () => {
  await using fitted = await ood.fit(detectors.denoisingScore({ sigma: 2, hidden: [4], steps: 30 }), train, raw)
  const [energy] = fitted.live().own
  const gradients = (await energy!.score(x)).toArray() as number[][]
  const found = (await fitted.scores(x)).toArray() as number[]
  found.forEach((norm, i) => {
    // float32
    expect(norm).toBeCloseTo(Math.hypot(...gradients[i]!), 5)
  })
})
