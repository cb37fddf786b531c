#!/usr/bin/env node
// The comparison of objectives (npx langevin compare) with its claims checked: dated JSON, the page, and the tables of docs/compare.md.
//
//   node scripts/acceptance/compare.mjs [--seeds count or list] [--steps n] [--data names] [--objectives names] [--out folder] [--as name] [--docs]
//
// --as names the result, the page and the marks of the tables in docs/compare.md; its two parts are
//   npm run acceptance -- compare --data unequalModes,rings,moons,eightGaussians,checkerboard,pinwheel,twoSpirals,cosine --docs
//   npm run acceptance -- compare --data step,split-circle,twist,kissing-pyramids --as compare-shapes --docs     (the four shapes of the spandrel study)
import { mkdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { choices, note, seedList, wholeNumber } from '../../dist/cli/support.js'
import { writeAtomic } from '../../dist/io/files.js'
import {
  compareJson,
  comparePage,
  overall,
  plans,
  runComparison,
  SOURCE_NAMES,
  STEPS,
  textTable,
} from '../../dist/studies/compare/index.js'
import { atLeast, atMost, judge, keep, main, mean, optionsOrExit, RESULTS, tell, watched } from './lib/verdicts.mjs'

// Means over seeds. What docs/compare.md says of weights: likelihood and NCE see them, scores do not.
const CRITERIA = [
  { where: { objective: 'ml-grid', source: 'unequalModes' }, metric: 'weightError', ...atMost(0.03) },
  { where: { objective: 'nce', source: 'unequalModes' }, metric: 'weightError', ...atMost(0.05) },
  { where: { objective: 'score-matching', source: 'unequalModes' }, metric: 'weightError', ...atLeast(0.1) },
  { where: { objective: 'sliced-score-matching', source: 'unequalModes' }, metric: 'weightError', ...atLeast(0.1) },
  ...['rings', 'moons', 'eightGaussians', 'pinwheel', 'cosine'].map((source) => ({
    where: { objective: 'nce', source },
    metric: 'totalVariation',
    ...atMost(0.25),
  })),
]

/** The tables between the marks of docs/compare.md. */
function tables(result, file) {
  const number = (v, digits = 3) => (v === undefined ? '–' : v.toFixed(digits))
  const lines = overall(result)
  const known = plans()
  const first = lines.map(
    ({ objective, rank, totalVariation, kl, weightError, seconds, diverged, runs }) =>
      `| ${known[objective].title} | ${number(rank, 1)} | ${number(totalVariation)} | ${number(kl)} | ${number(weightError?.mean)} | ${number(seconds, 1)} | ${diverged} of ${runs} | ${known[objective].blind} |`,
  )
  const { sources, seeds, steps } = result.options
  const cell = (objective, source) => {
    const values = result.rows
      .filter((row) => row.objective === objective && row.source === source && row.totalVariation !== undefined)
      .map((row) => row.totalVariation)
    return values.length === 0 ? '–' : number(mean(values), 2)
  }
  const second = lines.map(
    ({ objective }) =>
      `| ${known[objective].title} | ${sources.map((source) => cell(objective, source)).join(' | ')} |`,
  )
  return [
    `${seeds.length} seeds, ${steps} steps per run; all numbers in [${file}](../${file}).`,
    '',
    '| objective | mean rank | mean TV | mean KL | mode weight error | seconds per run | diverged | what it cannot see |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...first,
    '',
    'Total variation to the true density, means over seeds:',
    '',
    `| | ${sources.join(' | ')} |`,
    `| --- |${' --- |'.repeat(sources.length)}`,
    ...second,
  ].join('\n')
}

async function writeDocs(result, file, name) {
  const path = 'docs/compare.md'
  const text = readFileSync(path, 'utf8')
  const marked = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`)
  if (!marked.test(text)) throw new Error(`${path} has no marks <!-- ${name} --> and <!-- end --> for the tables`)
  await writeAtomic(path, [text.replace(marked, (_all, start, end) => `${start}${tables(result, file)}\n${end}`)])
  note(`wrote ${path}`)
}

function readOptions() {
  const text = (value) => ({ type: 'string', default: value })
  const { values } = parseArgs({
    options: {
      seeds: text('3'),
      steps: text(String(STEPS)),
      data: text(SOURCE_NAMES.join(',')),
      objectives: text(Object.keys(plans()).join(',')),
      out: text(RESULTS),
      as: text('compare'),
      docs: { type: 'boolean', default: false },
    },
  })
  return {
    seeds: seedList(values.seeds),
    steps: wholeNumber(1)(values.steps),
    sources: choices(SOURCE_NAMES)(values.data),
    objectives: choices(Object.keys(plans()))(values.objectives),
    out: values.out,
    name: values.as,
    docs: values.docs,
  }
}

await main(async () => {
  const { out, name, docs, ...study } = optionsOrExit(readOptions)
  const { result, interrupted } = await watched(({ signal, bar }) =>
    runComparison({
      ...study,
      signal,
      onProgress: ({ done, source, objective, seed }) => bar.update(done, `${source}, ${objective}, seed ${seed}`),
    }),
  )
  console.log(textTable(result))
  const checks = judge(CRITERIA, result.rows)
  const path = await keep(out, name, { checks, ...compareJson(result) })
  mkdirSync('reports', { recursive: true })
  const page = `reports/${name}.html`
  await writeAtomic(page, [comparePage(result, 'npm run acceptance -- compare')])
  note(`wrote ${page}`)
  if (docs) await writeDocs(result, path, name)
  return { failed: tell(checks), interrupted }
})
