#!/usr/bin/env node
// Energy discrepancy on discrete and mixed rows whose law is known, against thresholds:
//
//   bits       eight Gaussians of the plane in 8 + 8 Gray-coded bits: 65,536 states, so every number is exact
//   mixed      3 x 4 categories and a Gaussian of the plane for each: log Z by a sum over categories and a grid
//   rings      a table whose group and colour follow from where a row lies on a ring; scored on 5,000 drawn rows
//   couplings  all couplings of a 10 x 10 Ising model from 2,000 draws, without and with an L1 penalty
//
//   node scripts/acceptance/discrete.mjs [--parts bits,mixed,rings,couplings] [--seeds count or list] [--out folder]
//
// A dated JSON file keeps what came out. One thread; a few minutes for all parts and one seed on a quiet machine. The thresholds of
// mixed and rings are those of 2026-12-01, frozen then; those of bits come from a run of another implementation.
import { parseArgs } from 'node:util'
import { seedList } from '../../dist/cli/support.js'
import { bits } from './lib/discrete-bits.mjs'
import { couplings } from './lib/discrete-couplings.mjs'
import { mixed } from './lib/discrete-mixed.mjs'
import { rings } from './lib/discrete-rings.mjs'
import { atLeast, atMost, judge, keep, main, optionsOrExit, RESULTS, tell, watched } from './lib/verdicts.mjs'

const PARTS = { bits, mixed, rings, couplings }
const each = (part, metric, limit) => ({ where: { part }, metric, every: true, ...limit })
const CRITERIA = [
  each('bits', 'excessNll', atMost(0.06)),
  each('bits', 'totalVariation', atMost(0.12)),
  each('mixed', 'kl', atMost(0.05)),
  each('mixed', 'conditionalError', atMost(0.03)),
  each('rings', 'rightColour', atLeast(0.9)),
  each('rings', 'groupError', atMost(0.02)),
  each('rings', 'radiusSd', atMost(0.1)),
]

function readOptions() {
  const { values } = parseArgs({
    options: {
      parts: { type: 'string', default: Object.keys(PARTS).join(',') },
      seeds: { type: 'string', default: '1' },
      out: { type: 'string', default: RESULTS },
    },
  })
  const parts = values.parts.split(',')
  const unknown = parts.find((part) => !(part in PARTS))
  if (unknown !== undefined)
    throw new Error(`--parts: unknown part '${unknown}'; known: ${Object.keys(PARTS).join(', ')}`)
  return { parts, seeds: seedList(values.seeds), out: values.out }
}

await main(async () => {
  const { parts, seeds, out } = optionsOrExit(readOptions)
  const tasks = parts.flatMap((part) => seeds.map((seed) => ({ part, seed })))
  const { result, interrupted } = await watched(({ each, signal, bar }) =>
    each(tasks, async ({ part, seed }) => {
      const started = performance.now()
      const found = await PARTS[part].run({ seed, signal, tell: (share) => bar.update(share, `${part}, seed ${seed}`) })
      const seconds = (performance.now() - started) / 1000
      return [found].flat().map((row) => ({ part, seed, ...row, seconds }))
    }),
  )
  const rows = result.flat()
  const checks = judge(CRITERIA, rows)
  const settings = Object.fromEntries(parts.map((part) => [part, PARTS[part].settings]))
  const all = parts.length === Object.keys(PARTS).length
  await keep(out, all ? 'discrete' : `discrete-${parts.join('-')}`, { settings, checks, rows })
  return { failed: tell(checks), interrupted }
})
