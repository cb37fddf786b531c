/** The scorer in a process of its own: no LibTorch in it, little memory, and an addon that links nothing of it. */
import { execFileSync } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { Energy, energies } from '../../src/index.js'
import { numbers } from '../energies/parity-subjects.js'
import { sameBits, scratchFolder } from './support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const addon = join(root, 'build/Release/scorer.node')
// The compiled package, as users run it; `npm test` compiles it before.
const compiled = pathToFileURL(join(root, 'dist/scorer/index.js')).href
const folder = scratchFolder()
const path = join(folder, 'model.scorer')
const ROWS = numbers(20, 64, 1)

/** What the first line of a script says, run with nothing but Node. */
const CHILD = `
const began = performance.now()
const { loadScorer } = await import(${JSON.stringify(compiled)})
const { readFileSync } = await import('node:fs')
const rows = JSON.parse(readFileSync(process.argv[3], 'utf8'))
const scorer = loadScorer(process.argv[2])
const energies = scorer.energy(rows)
const milliseconds = performance.now() - began
const maps = readFileSync('/proc/self/maps', 'utf8')
const libraries = [...new Set(maps.match(/\\S+\\.(so|node)[.\\d]*$/gm))]
console.log(JSON.stringify({
  energies: [...energies],
  libraries,
  megabytes: process.memoryUsage.rss() / 2 ** 20,
  milliseconds,
  sinceStart: performance.now(),
}))
`

interface Said {
  energies: number[]
  libraries: string[]
  megabytes: number
  milliseconds: number
  sinceStart: number
}

describe('a process with the scorer alone', () => {
  let expected: Float32Array
  let said: Said
  beforeAll(async () => {
    await using model = await Energy.create(energies.mlp({ input: 64, hidden: [256, 256] }), { seed: 1 })
    await model.exportScorer(path)
    using values = await model.energy(ROWS)
    expected = values.toTypedArray() as Float32Array
    const script = join(folder, 'child.mjs')
    writeFileSync(script, CHILD)
    const rows = join(folder, 'rows.json')
    writeFileSync(rows, JSON.stringify(ROWS))
    const env = { PATH: process.env.PATH }
    said = JSON.parse(execFileSync(process.execPath, [script, path, rows], { env, encoding: 'utf8' })) as Said
  })

  it('gives the bits of the whole package', () => {
    expect(sameBits(Float32Array.from(said.energies), expected)).toBe(true)
  })

  it('has its own addon and nothing of LibTorch in memory', () => {
    expect(said.libraries).toContain(addon)
    expect(said.libraries.filter((name) => /torch|c10|mkl|gomp|langevin\.node/.test(name))).toEqual([])
  })

  it('takes less than 80 MB', () => {
    const { megabytes, milliseconds, sinceStart } = said
    console.info(
      `scorer: ${megabytes.toFixed(1)} MB resident; first energies ${milliseconds.toFixed(0)} ms after the script began, ` +
        `${sinceStart.toFixed(0)} ms after the process did`,
    )
    expect(megabytes).toBeLessThan(80)
  })
})

describe('scorer.node', () => {
  it('needs no library but those of the C and C++ runtime', () => {
    const dynamic = execFileSync('readelf', ['--dynamic', '--wide', addon], { encoding: 'utf8' })
    const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name)
    expect(needed.length).toBeGreaterThan(0)
    expect(
      needed.filter((name) => !/^(libstdc\+\+|libm|libgcc_s|libc|libpthread|ld-linux[\w-]*)\.so/.test(name!)),
    ).toEqual([])
    expect(dynamic).not.toMatch(/RUNPATH|RPATH/)
  })

  it('is smaller than 3 MB', () => {
    expect(statSync(addon).size).toBeLessThan(3e6)
  })
})
