#!/usr/bin/env node
// Acceptance: long runs against thresholds, one study a file in scripts/acceptance. Each writes a dated JSON file into
// scripts/bench/results and exits with 1 when something does not hold.
//
//   npm run acceptance -- STUDY [its options]     without a study: spandrel
//   npm run acceptance -- --list                  the studies and their options; STUDY --help: one of them
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'acceptance')
const studies = readdirSync(folder)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => name.slice(0, -4))
  .sort()

/** The comment at the head of a study. */
function about(study) {
  const lines = readFileSync(join(folder, `${study}.mjs`), 'utf8')
    .split('\n')
    .slice(1)
  const end = lines.findIndex((line) => !line.startsWith('//'))
  return lines.slice(0, end).map((line) => `  ${line.slice(3)}`.trimEnd())
}

const [first, ...rest] = process.argv.slice(2)
const named = studies.includes(first)
const [study, options] = named ? [first, rest] : ['spandrel', process.argv.slice(2)]
const asksFor = (...words) => words.some((word) => options.includes(word))

if (asksFor('--list', '--help', '-h')) {
  if (!named) console.log('npm run acceptance -- STUDY [its options]; without a study: spandrel\n')
  for (const each of named ? [study] : studies) console.log([each, ...about(each), ''].join('\n'))
} else if (!named && first !== undefined && !first.startsWith('-')) {
  console.error(`unknown study '${first}'; known: ${studies.join(', ')}`)
  process.exitCode = 2
} else {
  const path = join(folder, `${study}.mjs`)
  process.argv = [process.argv[0], path, ...options]
  await import(path)
}
