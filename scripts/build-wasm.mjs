#!/usr/bin/env node
// npm run build:wasm: the scorer as a WebAssembly module, dist/scorer/scorer.wasm, from the sources of the native one. It takes a
// clang that compiles for wasm32-wasi, with its C and C++ library: on Debian
//   apt-get install -y clang lld wasi-libc libc++-dev-wasm32 libclang-rt-dev-wasm32
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const core = join(root, 'native/core')
const scorer = join(root, 'native/scorer')
const PACKAGES = 'clang lld wasi-libc libc++-dev-wasm32 libclang-rt-dev-wasm32'
const TARGET = ['--target=wasm32-wasi', '-O3', '-msimd128']
// As cmake/isa.cmake compiles the kernels; without exceptions, see native/scorer/wasm.cpp.
const FLAGS = [
  ...TARGET,
  '-std=c++20',
  '-fno-exceptions',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-fvisibility=hidden',
  `-I${core}`,
  `-I${dirname(core)}`,
]
// The module's own stack of 1 MB; the host puts it back after an error (src/scorer/wasm.ts).
const LINK = ['-mexec-model=reactor', '-Wl,--strip-all,--gc-sections,-z,stack-size=1048576,--export=__stack_pointer']

/** Sources without Torch, as cmake/plain.cmake lists them; jobs and threads belong to a system that has threads. */
function plainSources() {
  const text = readFileSync(join(root, 'cmake/plain.cmake'), 'utf8')
  const [, listed] = /foreach\(source ([^)]*)\)/.exec(text)
  const named = listed.split(/\s+/).filter((name) => !['base/job', 'base/threads'].includes(name))
  const operations = readdirSync(join(core, 'executors/cpu')).filter((name) => /^tile_ops_\w+\.cpp$/.test(name))
  return [
    ...named.map((name) => join(core, `${name}.cpp`)),
    ...operations.map((name) => join(core, 'executors/cpu', name)),
  ]
}

/** The kernels in vectors of 128 bits, of float32 and of float64. */
function kernelUnits() {
  const source = join(core, 'kernels/isa/tile_kernels.cpp')
  const flags = ['-include', join(scorer, 'wasm_gcc.hpp'), '-DLANGEVIN_ISA_LEVEL=0', '-DLANGEVIN_ISA_NAME="default"']
  return [
    { source, object: 'kernels.o', flags: [...flags, '-DLANGEVIN_ISA=isa_default'] },
    { source, object: 'kernels_double.o', flags: [...flags, '-DLANGEVIN_ISA=isa_default_double', '-DLANGEVIN_DOUBLE'] },
  ]
}

function compile(clang, { source, object, flags }, folder) {
  return new Promise((resolve, reject) => {
    const args = [...FLAGS, ...flags, '-Wno-bitwise-conditional-parentheses', '-c', source, '-o', join(folder, object)]
    const child = spawn(clang, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${source} does not compile`))))
  })
}

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
    const plain = [...plainSources(), join(scorer, 'scorer.cpp'), join(scorer, 'wasm.cpp')]
    const units = [
      ...kernelUnits(),
      ...plain.map((source) => ({ source, object: `${basename(source, '.cpp')}.o`, flags: [] })),
    ]
    const waiting = [...units]
    const work = async () => {
      for (let unit = waiting.shift(); unit; unit = waiting.shift()) await compile(clang, unit, folder)
    }
    await Promise.all(Array.from({ length: availableParallelism() }, work))
    const linked = join(folder, 'scorer.wasm')
    const objects = units.map(({ object }) => join(folder, object))
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
