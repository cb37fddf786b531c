#!/usr/bin/env node
// npm test: static checks, ctest, vitest. Prints each part's result and ends with the plain line `N passed, N failed`.
//
//   node scripts/test.mjs [--only static|native|typescript]...
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine, partsOf } from './setup/arguments.mjs'
import { runNative } from './test/native.mjs'
import { runStatic } from './test/static.mjs'
import { runVitest } from './test/vitest.mjs'

const PARTS = { static: runStatic, native: runNative, typescript: runVitest }

const { values } = commandLine(import.meta.url, { options: { only: { type: 'string', multiple: true } } })
const names = partsOf(values.only, Object.keys(PARTS), 'part')

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const results = []
for (const name of names) {
  const began = Date.now()
  results.push(...(await PARTS[name](root)).map((result) => ({ ...result, seconds: (Date.now() - began) / 1000 })))
}

console.log('')
let passed = 0
let failed = 0
for (const { name, passed: good, failed: bad, note } of results) {
  console.log(`${name.padEnd(14)} ${good} passed, ${bad} failed${note ? ` (${note})` : ''}`)
  passed += good
  failed += bad
}
// Last: whoever reads only one line reads this one.
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
