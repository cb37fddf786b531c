#!/usr/bin/env node
// npm run reliability: what a process that uses langevin survives, as figures. Every part runs in a process of its own, so that
// a crash is a figure too; the figures go into a dated JSON file with machine, versions and load (docs/reliability.md).
//
//   node scripts/reliability.mjs [--only PART]... [--quick] [--out FILE]
//
// --quick: small counts, a minute altogether; it checks this command, not the package. Without --only and --quick the file is
// scripts/reliability/results/reliability-DATE.json. Ends with 1 when a limit does not hold.
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commit, machine } from './bench/lib/machine.mjs'
import { counts, table } from './reliability/lib/figures.mjs'
import { PARTS, runPart } from './reliability/lib/run-part.mjs'
import { versionsHere } from './reliability/lib/versions.mjs'
import { commandLine, partsOf } from './setup/arguments.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = commandLine(import.meta.url, {
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const names = partsOf(values.only, PARTS, 'part')
const load = { before: loadavg() }
const parts = []
for (const name of names) parts.push(await runPart(name, { quick: values.quick }))

const date = new Date().toISOString().slice(0, 10)
const report = {
  report: 'reliability',
  date,
  commit: commit(root),
  command: `npm run reliability${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`,
  quick: values.quick,
  // What LANGEVIN_THREADS, LANGEVIN_FUZZ_SECONDS and others were set to.
  environment: Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('LANGEVIN_'))),
  machine: machine(),
  versions: versionsHere(root),
  load: { ...load, after: loadavg() },
  parts,
}
const whole = !values.quick && values.only.length === 0
const out = values.out ?? (whole ? join(root, 'scripts/reliability/results', `reliability-${date}.json`) : undefined)
if (out !== undefined) {
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify(report, null, 1)}\n`)
}
console.log(table(parts))
const { text, failed } = counts(parts)
console.log(`${text}${out === undefined ? '' : `; ${out}`}`)
process.exitCode = failed === 0 ? 0 : 1
