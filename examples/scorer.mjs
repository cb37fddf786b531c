// Train where there is time and memory, score where there is little: the file of a scorer needs no LibTorch to be read.
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { data, detectors, Energy, energies, objectives, ood, train } from 'langevin'
import { loadScorer } from 'langevin/scorer'

const table = await data.csv(new URL('../data/breast_cancer.csv', import.meta.url).pathname, { label: 'target' })
const benign = table.select(table.where('target', 1))
const [fit, rest] = benign.split({ fractions: [0.7, 0.3], seed: 1 })
const malignant = table.select(table.where('target', 0))

// An energy in the units of the data, and a detector of it with a threshold from rows it has not seen.
const inputs = data.inputs(fit)
const model = await Energy.create(energies.mlp({ input: 30, hidden: [64, 64], gaussianBase: 1 }), { seed: 1, inputs })
await train(model, fit, { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), steps: 300, seed: 1 })
const fitted = await ood.fit(detectors.energy(model), undefined, { heldOut: rest, fpr: 0.05 })

const path = join(mkdtempSync(join(tmpdir(), 'langevin-')), 'tumours.scorer')
await fitted.exportScorer(path)
console.log(`the file has ${(statSync(path).size / 1024).toFixed(0)} KiB`)

// The bytes could come from anywhere; nothing of LibTorch is opened for what follows.
const scorer = loadScorer(readFileSync(path))
const { kind, inputWidth, heldOut, fpr, instructionSet } = scorer.info
console.log(
  `${kind} detector of ${inputWidth} columns, ${heldOut} held-out rows, fpr ${fpr}, kernels ${instructionSet}`,
)

const rows = malignant.toTensor(inputs.columns)
const { accept, scores } = scorer.decide({ data: rows.toTypedArray(), shape: rows.shape })
const refused = accept.filter((taken) => !taken).length
console.log(`flags ${((100 * refused) / accept.length).toFixed(1)} % of the malignant rows`)

// A row by the names of its columns, as a request has it.
const request = Object.fromEntries(inputs.columns.map((name, k) => [name, rows.toTypedArray()[k]]))
console.log(
  `the first one scores ${scorer.scores([request])[0].toFixed(2)}, p-value ${scorer.pValue(scores[0]).toFixed(4)}`,
)

const whole = (await fitted.scores(malignant)).toTypedArray()
console.log(`the same bits as the whole package: ${scores.every((score, k) => score === whole[k])}`)
for (const each of [scorer, fitted, model]) each.dispose()
