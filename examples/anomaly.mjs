// Which rows of a table are odd? An energy learns what usual rows look like, other usual rows set the threshold, and every
// row above it is printed with the column that is farthest from what is usual.
import { data, diagnose, Energy, energies, objectives, optimizers, schedules, train } from 'langevin'

// Benign tumours count as usual; the label is used to choose them and to judge the answer, never in training.
const table = await data.csv(new URL('../data/breast_cancer.csv', import.meta.url).pathname, { label: 'target' })
const benign = table.select(table.where('target', 1))
const malignant = table.select(table.where('target', 0))
const [usual, held] = benign.split({ fractions: [0.7, 0.3], seed: 1 })

// The model keeps names, means and scales of the columns: rows are given as they stand in the table.
const inputs = data.inputs(usual)
const model = await Energy.create(energies.mlp({ input: 30, hidden: [64, 64], gaussianBase: 1 }), { seed: 1, inputs })
const result = await train(model, usual, {
  objective: objectives.denoisingScoreMatching({ sigma: 0.5 }),
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 5e-3 }) }),
  steps: 600,
  batchSize: 128,
  ema: 0.99,
}).done
console.log(diagnose(result).text)

// High energy: improbable. One usual row in twenty lies above the threshold.
const energy = async (rows) => (await model.energy(rows)).toArray()
const sorted = (await energy(held)).sort((a, b) => a - b)
const threshold = sorted[Math.ceil(0.95 * sorted.length) - 1]
const scores = await energy(malignant)
const odd = scores.filter((score) => score > threshold).length
console.log(`threshold ${threshold.toFixed(1)}: ${odd} of ${scores.length} malignant rows are odd`)

const { mean, scale } = inputs.transform
const rows = malignant.toTensor().toArray()
const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a])
for (const i of order.slice(0, 5)) {
  const far = rows[i].map((value, k) => (value - mean[k]) / scale[k])
  const worst = far.reduce((best, z, k) => (Math.abs(z) > Math.abs(far[best]) ? k : best), 0)
  console.log(
    `row ${i}: energy ${scores[i].toFixed(1)}; ${inputs.columns[worst]} is ${far[worst].toFixed(1)} standard deviations off`,
  )
}
model.dispose()
