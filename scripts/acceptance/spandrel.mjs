#!/usr/bin/env node
// The spandrel study with five seeds against its thresholds: dated JSON, and the page with its pictures.
//
//   node scripts/acceptance/spandrel.mjs [--seeds count or list] [--shape names] [--models names] [--out folder]
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { choices, note, seedList } from '../../dist/cli/support.js'
import { SHAPES } from '../../dist/data/spandrel.js'
import { writeReport } from '../../dist/studies/report.js'
import { MODELS, runSpandrelStudy } from '../../dist/studies/spandrel/index.js'
import { atLeast, atMost, judge, keep, main, optionsOrExit, RESULTS, tell, watched } from './lib/verdicts.mjs'

// Means over seeds. The MLP's are there so that a harness which flatters every model fails too. The classifier and the
// MDN have no threshold: their numbers are reported.
const CRITERIA = [
  ...SHAPES.flatMap((shape) => [
    { where: { shape, model: 'ebm-nce' }, metric: 'spandrelMass', ...atMost(0.02) },
    { where: { shape, model: 'ebm-nce' }, metric: 'fpr95', ...atMost(0.01) },
    { where: { shape, model: 'ebm-nce' }, metric: 'nearFpr95', ...atMost(0.02) },
    { where: { shape, model: 'ebm-nce' }, metric: 'totalVariation', ...atMost(0.25) },
    { where: { shape, model: 'ebm-pcd' }, metric: 'totalVariation', ...atMost(0.35) },
    { where: { shape, model: 'mlp' }, metric: 'spandrelMass', ...atLeast(0.2) },
  ]),
  { where: { shape: 'step', model: 'ebm-nce' }, metric: 'bridgeMass', ...atMost(0.002) },
  { where: { shape: 'step', model: 'ebm-nce' }, metric: 'gapRatio', ...atMost(0.05) },
  { where: { shape: 'step', model: 'mlp' }, metric: 'bridgeMass', ...atLeast(0.01) },
]

function readOptions() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '5' },
      shape: { type: 'string', default: SHAPES.join(',') },
      models: { type: 'string', default: MODELS.join(',') },
      out: { type: 'string', default: RESULTS },
    },
  })
  return {
    seeds: seedList(values.seeds),
    shapes: choices(SHAPES)(values.shape),
    models: choices(MODELS)(values.models),
    out: values.out,
  }
}

await main(async () => {
  const { out, ...study } = optionsOrExit(readOptions)
  const { result, interrupted } = await watched(({ signal, bar }) =>
    runSpandrelStudy({
      ...study,
      signal,
      onProgress: ({ done, shape, model, seed }) => bar.update(done, `${shape}, ${model}, seed ${seed}`),
    }),
  )
  const { rows, truth, options, seconds } = result
  const checks = judge(CRITERIA, rows)
  await keep(out, 'spandrel', { seconds, options, checks, truth, rows })
  mkdirSync('reports', { recursive: true })
  await writeReport('reports', 'spandrel', { spandrel: result }, 'npm run acceptance -- spandrel')
  note('wrote reports/spandrel.html')
  return { failed: tell(checks), interrupted }
})
