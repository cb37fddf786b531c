#!/usr/bin/env node
// npm run build:wasm: the scorer as a WebAssembly module, dist/scorer/scorer.wasm, from the sources of the native one. It takes a
// clang that compiles for wasm32-wasi, with its C and C++ library: on Debian
//   apt-get install -y clang lld wasi-libc libc++-dev-wasm32 libclang-rt-dev-wasm32
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileUnits, kernelUnits, plainUnits, scorerUnit } from './plain-units.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const PACKAGES = 'clang lld wasi-libc libc++-dev-wasm32 libclang-rt-dev-wasm32'
const TARGET = ['--target=wasm32-wasi', '-O3', '-msimd128']
// As cmake/isa.cmake compiles the kernels; without exceptions, see native/scorer/wasm.cpp.
const FLAGS = [...TARGET, '-fno-exceptions', '-fno-math-errno', '-fno-trapping-math', '-fvisibility=hidden']
// The module's own stack of 1 MB; the host puts it back after an error (src/scorer/wasm.ts).
const LINK = ['-mexec-model=reactor', '-Wl,--strip-all,--gc-sections,-z,stack-size=1048576,--export=__stack_pointer']

/** Why this machine cannot build it; undefined when it can. */
export function missingToolchain(clang = process.env.WASM_CXX || 'clang++') {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-wasm-'))
  const args = [...TARGET, '-x', 'c++', '-', '-o', join(folder, 'probe.wasm'), '-mexec-model=reactor']
  const input = '#include <vector>\nint probe(std::vector<int>& v) { return v.at(0); }\n'
  const { status, stderr, error } = spawnSync(clang, [...args, '-fno-exceptions'], { input, encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  if (status === 0) return undefined
  const said = error ? `${clang}: ${error.code}` : stderr.trim().split('\n')[0]
  return `no clang for wasm32-wasi (${said}); on Debian: apt-get install -y ${PACKAGES}; another compiler: WASM_CXX`
}

/** Builds the module. @param {string} target @returns {Promise<number>} its bytes */
export async function buildWasm(target, clang = process.env.WASM_CXX || 'clang++') {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-wasm-'))
  try {
    // Jobs and threads belong to a system that has threads.
    const plain = plainUnits(['base/job', 'base/threads'])
    const units = [...kernelUnits(), ...plain, scorerUnit('scorer'), scorerUnit('wasm')]
    const objects = await compileUnits(clang, FLAGS, units, folder)
    const linked = join(folder, 'scorer.wasm')
    const { status, stderr } = spawnSync(clang, [...TARGET, ...LINK, ...objects, '-o', linked], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`the module does not link:\n${stderr}`)
    mkdirSync(dirname(target), { recursive: true })
    const { size } = statSync(linked)
    // Beside the target first: a rename does not cross file systems.
    copyFileSync(linked, `${target}.new`)
    renameSync(`${target}.new`, target)
    return size
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = missingToolchain()
  if (problem) {
    console.error(`build:wasm: ${problem}`)
    process.exitCode = 1
  } else {
    const target = join(root, 'dist/scorer/scorer.wasm')
    const size = await buildWasm(target)
    console.log(`${target}: ${(size / 1024).toFixed(0)} KiB`)
  }
}
