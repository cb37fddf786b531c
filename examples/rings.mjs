// Train an energy on two rings, sample from it, and judge it against uniform points.
import { data, detectors, Energy, energies, objectives, ood, sample, samplers, train } from 'langevin'

const model = await Energy.create(energies.mlp({ input: 2, hidden: [64, 64], gaussianBase: 2 }), { seed: 7 })
const run = train(model, data.toys.rings({ n: 4000, seed: 1 }), {
  objective: objectives.persistentContrastiveDivergence({
    sampler: samplers.langevin({ steps: 10, stepSize: 0.01 }),
  }),
  steps: 400,
  ema: 0.99,
})
for await (const event of run) {
  if (event.type === 'progress') console.error(`step ${event.step}  loss ${event.loss.toFixed(3)}`)
}
await run.done

const { samples, diagnostics } = await sample(model, {
  sampler: samplers.mala({ steps: 300, stepSize: 0.02 }),
  chains: 256,
  seed: 3,
}).done
console.log('chains', samples.shape[0], 'acceptance', diagnostics.acceptance.toFixed(2))

const { uniform } = await ood.evaluate({
  detector: detectors.energy(model),
  inDistribution: data.toys.rings({ n: 1000, seed: 2 }),
  outOfDistribution: { uniform: { low: -4, high: 4 } },
})
console.log('AUROC against uniform points', uniform.auroc.toFixed(3), 'FPR95', uniform.fpr95.toFixed(3))
model.dispose()
