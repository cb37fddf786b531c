#!/usr/bin/env node
// npm start: both studies with their defaults, then where the report is. Set-up has run before (prestart).
//
//   npm start -- [--out folder] [--seeds count or list] [--minutes n]
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { formatSeconds, interruption, note, ProgressBar, report, seedList } from '../dist/cli/support.js'
import { SHAPES } from '../dist/data/spandrel.js'
import { prepareFolder } from '../dist/report/folder.js'
import { anomalyStudy, readTable, shippedTables } from '../dist/studies/anomaly/index.js'
import { writeReport } from '../dist/studies/report.js'
import { MODELS, runSpandrelStudy } from '../dist/studies/spandrel/index.js'
import { commandLine } from './setup/arguments.mjs'

// What the anomaly study takes of the whole: two small tables against 96 networks.
const SPANDREL_SHARE = 0.9

function options() {
  try {
    const { values } = commandLine(import.meta.url, {
      options: {
        out: { type: 'string', default: 'reports' },
        seeds: { type: 'string', default: '3' },
        minutes: { type: 'string', default: '9' },
      },
    })
    const minutes = Number(values.minutes)
    if (!(minutes > 0)) throw new Error('--minutes takes a number greater than 0')
    return { out: values.out, seeds: seedList(values.seeds), minutes }
  } catch (error) {
    note(`${error.message}\nusage: npm start -- [--out folder] [--seeds count or list] [--minutes n]`)
    process.exit(2)
  }
}

async function anomaly({ signal, update }) {
  const tables = []
  for (const { path, label } of shippedTables()) tables.push(await readTable(path, { label }))
  return await anomalyStudy({ tables, seeds: [0, 1, 2, 3, 4], signal, onProgress: update })
}

async function main() {
  const { out, seeds, minutes } = options()
  if (out === 'reports') mkdirSync(out, { recursive: true })
  await prepareFolder(out)
  const began = performance.now()
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  const results = {}
  try {
    results.spandrel = await runSpandrelStudy({
      shapes: SHAPES,
      models: MODELS,
      seeds,
      budget: minutes * 60 * SPANDREL_SHARE,
      signal,
      onProgress: ({ done, shape, model, seed }) =>
        bar.update(done * SPANDREL_SHARE, `spandrel: ${shape}, ${model}, seed ${seed}`),
    })
    if (!interrupted()) {
      results.anomaly = await anomaly({
        signal,
        update: (done, text) => bar.update(SPANDREL_SHARE + done * (1 - SPANDREL_SHARE), `anomaly: ${text}`),
      })
    }
  } finally {
    bar.end()
    release()
  }
  const paths = await writeReport(out, 'report', results, 'npm start')
  const skipped = results.spandrel.skippedSeeds
  if (skipped.length > 0) note(`seeds ${skipped.join(', ')} were left out to stay within ${minutes} minutes`)
  note(`${interrupted() ? 'interrupted after' : 'done in'} ${formatSeconds((performance.now() - began) / 1000)}`)
  for (const path of paths) console.log(resolve(path))
  if (interrupted()) process.exitCode = 130
}

try {
  await main()
} catch (error) {
  process.exitCode = report(error)
}
