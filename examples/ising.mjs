// Spins on a lattice: sample them above and below the critical coupling, then learn a coupling back from samples.
import { Energy, energies, objectives, optimizers, partition, sample, samplers, schedules, train } from 'langevin'

// A torus of 16 x 16. Its spins order when the coupling passes log(1 + sqrt(2)) / 2 = 0.4407 (Onsager 1944).
for (const coupling of [0.2, 0.6]) {
  const model = await Energy.create(energies.ising({ lattice: [16, 16], coupling }))
  const { samples, energy } = await sample(model, { sampler: samplers.gibbs({ steps: 500 }), chains: 64, seed: 1 }).done
  const sizes = samples.toArray().map((spins) => Math.abs(spins.reduce((a, b) => a + b)) / spins.length)
  const mean = (values) => values.reduce((a, b) => a + b) / values.length
  console.log(
    `coupling ${coupling}: magnetisation ${mean(sizes).toFixed(2)}, energy a spin ${(mean(energy.toArray()) / 256).toFixed(2)}`,
  )
  model.dispose()
}

// Learn the couplings of a 3 x 3 torus from 5,000 of its states, by minimum probability flow: no sampler, no log Z.
const truth = await Energy.create(energies.ising({ lattice: [3, 3], coupling: 0.3, field: 0.1 }))
const { samples } = await sample(truth, { sampler: samplers.gibbs({ steps: 200 }), chains: 5000, seed: 2 }).done
const model = await Energy.create(energies.ising({ lattice: [3, 3] }))
await train(model, samples, {
  objective: objectives.minimumProbabilityFlow(),
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 0.03 }) }),
  steps: 300,
  batchSize: 1000,
  seed: 3,
}).done
const { coupling, field } = await model.parameters()
const neighbours = coupling
  .toArray()
  .flatMap((row, i) => row.filter((_, j) => i < j))
  .filter((value) => value !== 0)
console.log('couplings of neighbours', neighbours.map((value) => value.toFixed(2)).join(' '))
console.log(
  'fields',
  field
    .toArray()
    .map((value) => value.toFixed(2))
    .join(' '),
)
const logZ = await Promise.all([truth, model].map((energy) => partition.exact(energy)))
console.log('log Z of the truth', logZ[0].logZ.toFixed(3), 'and of what was learned', logZ[1].logZ.toFixed(3))
for (const energy of [truth, model]) energy.dispose()
