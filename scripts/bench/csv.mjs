#!/usr/bin/env node
// How fast data.csv reads, and how much memory it takes, each file in a process of its own; NumPy beside it where there is one.
//
//   node scripts/bench/csv.mjs [--scale 1] [--repeats 3] [--dist FOLDER] [--rows plain,long]
//
// --dist names another build of the package (default dist/), so that two versions read the same files. Prints one line per
// file: MB/s of the best repeat, seconds, and how far resident memory rose above what it was before the first file was read.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../setup/arguments.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { values } = commandLine(import.meta.url, {
  options: {
    scale: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '3' },
    dist: { type: 'string', default: join(root, 'dist') },
    rows: { type: 'string' },
    child: { type: 'string' },
  },
})

/** Numbers that do not depend on the machine (Marsaglia's xorshift). */
function random() {
  let state = 2463534242
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Files, each with its rows at scale 1 and how one row is written. */
const FILES = {
  plain: { rows: 300_000, what: '3 columns of 6 decimals', row: (u) => [u(), 10 * u(), -u()].map((v) => v.toFixed(5)) },
  large: {
    rows: 3_000_000,
    what: '3 columns of 6 decimals',
    row: (u) => [u(), 10 * u(), -u()].map((v) => v.toFixed(5)),
  },
  wide: {
    rows: 20_000,
    what: '100 columns of 4 decimals',
    row: (u) => Array.from({ length: 100 }, () => (9 * u()).toFixed(4)),
  },
  long: { rows: 300_000, what: '3 columns of 17 digits', row: (u) => [u() + 0.1, u() + 1, 100 * u() + 3] },
  savetxt: {
    rows: 300_000,
    what: "3 columns of NumPy's %.18e",
    row: (u) => [u() + 0.1, -u() - 1, u() + 5].map((v) => v.toExponential(18)),
  },
  text: {
    rows: 300_000,
    what: 'identifier, 2 numbers, one of 20 texts',
    row: (u, i) => [`m${i}`, u().toFixed(4), u().toFixed(2), `city${Math.floor(20 * u())}`],
  },
  'quoted numbers': {
    rows: 300_000,
    what: '3 columns of 6 decimals in quotes',
    row: (u) => [u(), 10 * u(), -u()].map((v) => `"${v.toFixed(5)}"`),
  },
  'quoted text': {
    rows: 200_000,
    what: '3 columns of texts in quotes',
    row: (u) => [20, 7, 300].map((n) => `"group ${Math.floor(n * u())}, row"`),
  },
  quoted: {
    rows: 100_000,
    what: 'text in quotes, 2 numbers',
    row: (u) => [`"a, ${Math.floor(20 * u())}"`, u().toFixed(4), u().toFixed(2)],
  },
}

function write(path, { rows, row }) {
  const file = openSync(path, 'w')
  const uniform = random()
  const count = Math.max(1, Math.round(rows * Number(values.scale)))
  let lines = [
    row(uniform, 0)
      .map((_, k) => `c${k}`)
      .join(','),
  ]
  for (let i = 0; i < count; i++) {
    lines.push(row(uniform, i).join(','))
    if (lines.length >= 10_000) {
      writeSync(file, `${lines.join('\n')}\n`)
      lines = []
    }
  }
  writeSync(file, `${lines.join('\n')}\n`)
  closeSync(file)
}

async function child(path) {
  const { data } = await import(join(resolve(values.dist), 'index.js'))
  const memory = (key) =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'latin1'))[1]) / 1024
  data.fromArrays({ warm: [1] })
  const before = memory('VmRSS')
  const times = []
  for (let i = 0; i < Number(values.repeats); i++) {
    const start = performance.now()
    const set = await data.csv(path, { header: true })
    times.push((performance.now() - start) / 1000)
    set.dispose()
  }
  console.log(JSON.stringify({ seconds: Math.min(...times), rise: memory('VmHWM') - before }))
}

function numpy(path) {
  const code = `import sys,time,numpy as np
t=time.time(); np.loadtxt(sys.argv[1],delimiter=',',skiprows=1); print(time.time()-t)`
  const result = spawnSync('python3', ['-c', code, path], { encoding: 'utf8' })
  return result.status === 0 ? Number(result.stdout) : undefined
}

function parent() {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-bench-csv-'))
  const chosen = values.rows?.split(',') ?? Object.keys(FILES)
  try {
    for (const name of chosen) {
      const path = join(folder, `${name}.csv`)
      write(path, FILES[name])
      const size = statSync(path).size / 1e6
      const args = [fileURLToPath(import.meta.url), '--child', path, '--dist', values.dist, '--repeats', values.repeats]
      const answer = spawnSync(process.execPath, args, { encoding: 'utf8' })
      if (answer.status !== 0) throw new Error(answer.stderr)
      const { seconds, rise } = JSON.parse(answer.stdout)
      const beside = /text|quoted/.test(name) ? undefined : numpy(path)
      console.log(
        `${name.padEnd(14)} ${FILES[name].what.padEnd(40)} ${size.toFixed(1).padStart(6)} MB  ${(size / seconds).toFixed(1).padStart(6)} MB/s  ` +
          `${seconds.toFixed(3)} s  +${rise.toFixed(0)} MiB${beside === undefined ? '' : `  (NumPy ${(size / beside).toFixed(1)} MB/s)`}`,
      )
      rmSync(path)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (values.child !== undefined) await child(values.child)
else parent()
