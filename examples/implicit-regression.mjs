// A function with a jump: an energy E(x, y) trained to tell the right y from drawn ones keeps both sides apart, where a
// network trained by squared errors draws a bridge.
import { data, Energy, energies, infer, inferences, objectives, optimizers, schedules, train } from 'langevin'

// y = 0.6 sign(x) for 0.15 < |x| < 1.2, blurred by 0.05: rows (x, y) of the plane.
const step = data.spandrel.step({ n: 2000, seed: 1 })
const rows = step.column('x').toArray()
const x = rows.map(([first]) => [first])
const y = rows.map(([, second]) => [second])
const optimizer = optimizers.adam({ lr: schedules.cosine({ from: 5e-3, to: 1e-4 }) })

// No gaussianBase: y is searched in a box, so exp(-E) need not be integrable.
const implicit = await Energy.create(energies.conditional({ input: 1, condition: 1, hidden: [64, 64] }), { seed: 1 })
await train(
  implicit,
  { x, y },
  {
    // The negative log-likelihood of the right answer among 33: InfoNCE with uniform negatives.
    objective: objectives.structured({ loss: 'nll', answers: { low: -1.5, high: 1.5, samples: 32 } }),
    optimizer,
    steps: 800,
    batchSize: 128,
  },
).done

const explicit = await Energy.create(energies.regressor({ input: 1, hidden: [64, 64] }), { seed: 1 })
await train(explicit, step.column('x'), { objective: objectives.meanSquaredError(), optimizer, steps: 800 }).done

const asked = [-1, -0.3, -0.12, -0.06, -0.02, 0.02, 0.06, 0.12, 0.3, 1].map((v) => [v])
const box = { low: -1.5, high: 1.5 }
const sampled = await infer(implicit, asked, { method: inferences.derivativeFree({ ...box, iterations: 5 }) })
const moved = await infer(implicit, asked, {
  method: inferences.langevin({ ...box, stepSize: schedules.geometric({ from: 0.01, to: 1e-4 }), steps: 80 }),
})
const mean = (await explicit.logits(asked.map(([v]) => [v, 0]))).toArray()
const column = (tensor) => tensor.toArray().map(([v]) => v)

console.log('    x   regression   energy, derivative-free   energy, Langevin')
asked.forEach(([v], i) => {
  const numbers = [mean[i][0], column(sampled.y)[i], column(moved.y)[i]].map((n) => n.toFixed(2))
  console.log(
    `${v.toFixed(2).padStart(5)} ${numbers[0].padStart(12)} ${numbers[1].padStart(25)} ${numbers[2].padStart(18)}`,
  )
})
for (const model of [implicit, explicit]) model.dispose()
