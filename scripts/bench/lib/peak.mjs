/** The ceilings: native/peak.cpp, compiled on the spot. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('../native/peak.cpp', import.meta.url))

/** A function from a number of threads to { isa, threads, float32, bfloat16, triad } in GFLOP/s and GB/s. */
export function peakMeter(compiler = process.env.CXX ?? 'g++') {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-peak-'))
  const program = join(folder, 'peak')
  execFileSync(compiler, ['-std=c++20', '-O2', '-pthread', SOURCE, '-o', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return (threads) => JSON.parse(execFileSync(program, [String(threads)], { encoding: 'utf8' }))
}

/** The higher of two measurements of one ceiling, figure by figure. */
export function higher(a, b) {
  const more = (key) => (a[key] === null ? null : Math.max(a[key], b[key]))
  return { ...a, float32: more('float32'), bfloat16: more('bfloat16'), triad: more('triad') }
}
