#!/usr/bin/env node
// npm run release:check: everything that is asked of the packed tarballs before they are published, as a table. It needs the
// npm registry once, for the tools and to fill the cache that the offline installation takes from; `npm run test:matrix` is
// the part that runs the smoke suite on Node.js 20.19, 22 and 24.
//
//   node scripts/release-check.mjs [--only name]... [--keep]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prebuild } from './prebuild.mjs'
import * as bundlers from './release/checks/bundlers.mjs'
import { gyp } from './release/checks/gyp.mjs'
import * as install from './release/checks/install.mjs'
import * as manifest from './release/checks/manifest.mjs'
import { next } from './release/checks/next.mjs'
import * as nodes from './release/checks/nodes.mjs'
import { types } from './release/checks/types.mjs'
import { fillCache, installProject, installTools, must, root } from './release/support.mjs'
import { commandLine, partsOf } from './setup/arguments.mjs'

/** In order; `setup` comes before all that load the addon. */
const CHECKS = {
  publint: manifest.publint,
  attw: manifest.attw,
  'before set-up': install.beforeSetup,
  setup: install.afterSetup,
  'npm ci': install.afterCi,
  types,
  matrix: nodes.matrix,
  esbuild: bundlers.esbuild,
  webpack: bundlers.webpack,
  'Next.js': next,
  'no AVX': nodes.oldProcessor,
  sizes: manifest.sizes,
  'node-gyp': gyp,
}

async function one(name, check, context) {
  const began = performance.now()
  const row = (state, note) => ({ name, state, note, seconds: (performance.now() - began) / 1000 })
  try {
    const note = await check(context)
    return note?.skipped ? row('skipped', note.skipped) : row('ok', note)
  } catch (error) {
    return row('FAILED', error.message)
  }
}

function table(rows) {
  const line = ({ name, state, seconds, note }) =>
    `| ${name} | ${state} | ${seconds.toFixed(0)} s | ${note.split('\n')[0]} |`
  return ['| check | result | time | note |', '| --- | --- | --- | --- |', ...rows.map(line)].join('\n')
}

const { values } = commandLine(import.meta.url, {
  options: { only: { type: 'string', multiple: true, default: [] }, keep: { type: 'boolean', default: false } },
})
// What loads the addon needs the set-up.
const only = values.only.length > 0 ? ['setup', ...values.only] : []
const checks = partsOf(only, Object.keys(CHECKS), 'check').map((name) => [name, CHECKS[name]])
const folder = mkdtempSync(join(tmpdir(), 'langevin-release-'))
const rows = []
try {
  const say = (text) => process.stderr.write(`release  ${text}\n`)
  say('bringing dist/ and the addon up to date')
  await must(process.execPath, [join(root, 'scripts/setup.mjs')], { cwd: root })
  say('packing')
  const tarballs = prebuild(join(folder, 'tarballs'))
  say('installing the tools and, offline, an empty project')
  await installTools()
  const project = { folder: join(folder, 'app'), cache: join(folder, 'cache') }
  await installProject(tarballs, project)
  fillCache(project.cache)
  for (const [name, check] of checks) {
    say(name)
    const result = await one(name, check, { tarballs, project })
    rows.push(result)
    if (result.state === 'FAILED') say(`FAILED: ${result.note}`)
  }
} finally {
  if (values.keep) process.stderr.write(`release  kept ${folder}\n`)
  else rmSync(folder, { recursive: true, force: true })
}
console.log(table(rows))
const count = (state) => rows.filter((row) => row.state === state).length
console.log(`${count('ok')} ok, ${count('skipped')} skipped, ${count('FAILED')} FAILED`)
process.exitCode = count('FAILED') === 0 ? 0 : 1
