#!/usr/bin/env node
// The figures of result files as the table of docs/reliability.md: node scripts/reliability/table.mjs scripts/reliability/results/*.json
import { readFileSync } from 'node:fs'
import { counts, table } from './lib/figures.mjs'
import { PARTS } from './lib/run-part.mjs'

const reports = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')))
const parts = reports.flatMap((report) => report.parts)
parts.sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part))
console.log(table(parts))
console.log(`\n${counts(parts).text}`)
for (const { part, seconds, load } of parts) {
  console.log(`${part}: ${seconds} s, others kept ${load.foreignCores} cores busy`)
}
