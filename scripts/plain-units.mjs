// The part of the core that needs no LibTorch, as units for a clang: the WebAssembly module and the fuzzer of the scorer.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const core = join(root, 'native/core')
const scorer = join(root, 'native/scorer')
/** Flags of all units: where headers are, and sums as the library's own build makes them (cmake/isa.cmake). */
const COMMON = ['-std=c++20', '-ffp-contract=off', `-I${core}`, `-I${join(root, 'native')}`]

const unit = (source) => ({ source, object: `${basename(source, '.cpp')}.o`, flags: [] })

/** Sources as cmake/plain.cmake lists them. @param {string[]} without names of it that are not wanted, such as 'base/job' */
export function plainUnits(without = []) {
  const text = readFileSync(join(root, 'cmake/plain.cmake'), 'utf8')
  const [, listed] = /foreach\(source ([^)]*)\)/.exec(text)
  const named = listed.split(/\s+/).filter((name) => !without.includes(name))
  const globbed = [...text.matchAll(/native\/core\/([\w/]+)\/(\w+)_\*\.cpp/g)].flatMap(([, folder, prefix]) =>
    readdirSync(join(core, folder))
      .filter((name) => name.startsWith(`${prefix}_`) && name.endsWith('.cpp'))
      .map((name) => join(core, folder, name)),
  )
  return [...named.map((name) => join(core, `${name}.cpp`)), ...globbed].map(unit)
}

/** A source of native/scorer. */
export const scorerUnit = (name) => unit(join(scorer, `${name}.cpp`))

/** A fuzzer: native/fuzz/NAME.cpp. */
export const fuzzUnit = (name) => ({ ...unit(join(root, 'native/fuzz', `${name}.cpp`)), object: `fuzz-${name}.o` })

/** The kernels in vectors of 128 bits, of float32 and of float64. */
export function kernelUnits() {
  const flags = ['-include', join(scorer, 'clang_gcc.hpp'), '-DLANGEVIN_ISA_LEVEL=0', '-DLANGEVIN_ISA_NAME="default"']
  return ['tile_kernels', 'loop_kernels'].flatMap((name) => {
    const source = join(core, 'kernels/isa', `${name}.cpp`)
    return [
      { source, object: `isa_${name}.o`, flags: [...flags, '-DLANGEVIN_ISA=isa_default'] },
      {
        source,
        object: `isa_${name}_double.o`,
        flags: [...flags, '-DLANGEVIN_ISA=isa_default_double', '-DLANGEVIN_DOUBLE'],
      },
    ]
  })
}

function compile(clang, flags, { source, object, flags: own }, folder) {
  return new Promise((resolve, reject) => {
    const args = [...COMMON, ...flags, ...own, '-Wno-bitwise-conditional-parentheses', '-c', source, '-o']
    const child = spawn(clang, [...args, join(folder, object)], { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${source} does not compile`))))
  })
}

/** Compiles units into a folder, as many at a time as there are processors. @returns {Promise<string[]>} the objects */
export async function compileUnits(clang, flags, units, folder) {
  const waiting = [...units]
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await compile(clang, flags, next, folder)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return units.map(({ object }) => join(folder, object))
}
