// A detector for a real table: fit it to normal rows, choose a threshold, score new rows; next to two baselines.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { data, detectors, ood } from 'langevin'

// Measurements of 569 tumours; 0 is malignant, here what is to be found, and 1 benign, here what is normal.
const table = await data.csv(new URL('../data/breast_cancer.csv', import.meta.url).pathname, { label: 'target' })
const [fit, rest] = table.select(table.where('target', 1)).split({ fractions: [0.7, 0.3], seed: 1 })
const malignant = table.select(table.where('target', 0))

for (const detector of [detectors.energyLadder(), detectors.mahalanobis(), detectors.knn()]) {
  // Columns have unlike units: all three see them standardised. A third of the rows is held out for the threshold.
  const fitted = await ood.fit(detector, fit, { standardize: true, heldOut: 1 / 3, seed: 1 })
  const report = await ood.evaluate({ detector: fitted, inDistribution: rest, outOfDistribution: { malignant } })

  const threshold = fitted.threshold({ fpr: 0.05 })
  const share = async (rows) => {
    const scores = (await fitted.scores(rows)).toArray()
    return scores.filter((score) => score > threshold).length / scores.length
  }
  const [wrong, found] = [await share(rest), await share(malignant)]
  console.log(
    `${fitted.kind.padEnd(13)} AUROC ${report.malignant.auroc.toFixed(3)}; at fpr 0.05 flags ${(100 * wrong).toFixed(1)} %` +
      ` of the normal rows and ${(100 * found).toFixed(1)} % of the malignant ones`,
  )

  // One file has all that scoring needs: columns, scale, weights, held-out scores.
  const path = join(mkdtempSync(join(tmpdir(), 'langevin-')), `${fitted.kind}.safetensors`)
  await fitted.save(path)
  const loaded = await ood.load(path)
  const [score] = (await loaded.scores(malignant.batch(0, 1))).toArray()
  console.log(`  the first malignant row: score ${score.toFixed(2)}, p-value ${loaded.pValue(score).toFixed(4)}`)
  for (const each of [fitted, loaded]) each.dispose()
}
