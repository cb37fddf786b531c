#!/usr/bin/env node
// npm run sizes: what each part takes on disk, as the table of docs/install.md. `--write` puts it there.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { bytesBelow, megabytes } from './release/checks/manifest.mjs'
import { resolveLibtorch } from './setup/libtorch.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const page = join(root, 'docs/install.md')
const [BEGIN, END] = ['<!-- sizes: npm run sizes -- --write -->', '<!-- end of sizes -->']

/** Bytes of a file as the platform's package has it, without symbols. */
function stripped(path) {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-sizes-'))
  try {
    const copy = join(folder, 'addon.node')
    copyFileSync(path, copy)
    const { status } = spawnSync('strip', ['--strip-unneeded', copy])
    if (status !== 0) throw new Error('strip is missing: apt-get install -y binutils')
    return statSync(copy).size
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function packed() {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  })
  const [{ size, unpackedSize }] = JSON.parse(stdout)
  return { size, unpackedSize }
}

/** [part, on disk, packed] */
function rows() {
  const release = (name) => join(root, 'build/Release', name)
  const main = packed()
  const list = [
    ['`langevin`: JavaScript, types, sources, docs, data', megabytes(main.unpackedSize), megabytes(main.size)],
    ['`langevin.node`, the addon', megabytes(stripped(release('langevin.node'))), ''],
    ['`scorer.node`, the addon of `langevin/scorer`', megabytes(stripped(release('scorer.node'))), ''],
  ]
  const wasm = join(root, 'dist/scorer/scorer.wasm')
  if (existsSync(wasm)) {
    const bytes = readFileSync(wasm)
    list.push(['`scorer.wasm`', megabytes(bytes.length), `${megabytes(gzipSync(bytes).length)} (gzip)`])
  }
  const { prefix, version } = resolveLibtorch({ root })
  list.push([`LibTorch ${version}, the libraries alone`, megabytes(bytesBelow(join(prefix, 'lib'))), ''])
  return list
}

const lines = ['| part | on disk | packed |', '| --- | --- | --- |', ...rows().map((row) => `| ${row.join(' | ')} |`)]
const table = `${lines.join('\n')}\n\nMeasured on ${new Date().toISOString().slice(0, 10)}, x86-64.`
console.log(table)
if (process.argv.includes('--write')) {
  const text = readFileSync(page, 'utf8')
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`${page} has no place for the sizes: ${BEGIN} ... ${END}`)
  writeFileSync(page, `${text.slice(0, begin)}${BEGIN}\n\n${table}\n\n${text.slice(end)}`)
}
