/** Cross-entropy with the energy discrepancy of E(x) = -logsumexp f(x) beside it. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, evaluateObjective, objectives, optimizers, perturbations, train } from '../../src/index.js'
import { refusal } from '../helpers/errors.js'
import { normals } from '../helpers/random.js'

const next = normals(2)
/** Two numbers and a colour of three; the class is the side of the first number, three in ten wrong. */
const x = Array.from({ length: 400 }, (_, i) => [next(), next(), ...[0, 1, 2].map((k) => Number(k === i % 3))])
const y = x.map(([a], i) => Number(a! > 0) ^ Number(i % 10 < 3))
const spec = energies.classifier({
  input: 5,
  classes: 2,
  hidden: [16],
  states: [
    { kind: 'real', columns: 2 },
    { kind: 'categorical', levels: 3 },
  ],
})
const discrepancy = objectives.energyDiscrepancy({ perturbation: perturbations.structured({ sd: 0.5 }), negatives: 4 })

describe('crossEntropy with discrepancy', () => {
  it('is the sum of both, in loss and gradient, and the discrepancy is of rows without classes', async () => {
    await using model = await Energy.create(spec, { seed: 1, dtype: 'float64' })
    const options = { seed: 3, step: 5 }
    const both = await evaluateObjective(
      model,
      { x, y },
      { objective: objectives.crossEntropy({ discrepancy }), ...options },
    )
    const classes = await evaluateObjective(model, { x, y }, { objective: objectives.crossEntropy(), ...options })
    const rows = await evaluateObjective(model, { x }, { objective: discrepancy, ...options })
    // Sums of a few hundred terms in float64.
    expect(Math.abs(both.loss - (classes.loss + rows.loss))).toBeLessThan(1e-12)
    let largest = 0
    for (const [name, gradient] of Object.entries(both.gradient)) {
      const parts = [classes, rows].map((each) => each.gradient[name]!.toTypedArray() as Float64Array)
      for (const [i, value] of (gradient.toTypedArray() as Float64Array).entries()) {
        expect(Math.abs(value - parts[0]![i]! - parts[1]![i]!)).toBeLessThan(1e-12)
        largest = Math.max(largest, Math.abs(parts[1]![i]!))
      }
    }
    // Without its second part the sum would be another one.
    expect(largest).toBeGreaterThan(1e-3)
    expect(both.monitors.accuracy).toBe(classes.monitors.accuracy)
  })

  it('learns the classes and p(x): far rows have higher energies, which cross-entropy alone does not say', async () => {
    const trained = async (objective: ReturnType<typeof objectives.crossEntropy>) => {
      const model = await Energy.create(spec, { seed: 1 })
      const how = { objective, optimizer: optimizers.adam({ lr: 3e-3 }), steps: 600, batchSize: 200, seed: 2 }
      const { history } = await train(model, { x, y }, how).done
      const far = x.slice(0, 50).map(([, , ...colour]) => [3.5, 3.5, ...colour])
      const mean = async (rows: number[][]) =>
        ((await model.energy(rows)).toArray() as number[]).reduce((sum, e) => sum + e / rows.length, 0)
      const gap = (await mean(far)) - (await mean(x))
      model.dispose()
      return { gap, accuracy: history.at(-1)!.accuracy! }
    }
    const both = await trained(objectives.crossEntropy({ discrepancy }))
    const alone = await trained(objectives.crossEntropy())
    // A standard normal at (3.5, 3.5) is 12 nats above its mean: the kernel is local, so half of it is asked for.
    expect(both.gap).toBeGreaterThan(5)
    expect(alone.gap).toBeLessThan(2)
    // Seven in ten are right by the rule.
    expect(both.accuracy).toBeGreaterThan(0.62)
  }, 120_000)

  it('takes no other objective', () => {
    const wrong = refusal(() =>
      objectives.crossEntropy({ discrepancy: objectives.denoisingScoreMatching({ sigma: 1 }) }),
    )
    expect(wrong.message).toContain('must be energyDiscrepancy')
  })
})
