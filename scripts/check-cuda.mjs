#!/usr/bin/env node
// Compiles everything of langevin that has to do with CUDA, without a device: the kernels with nvcc for each
// architecture, the host code and the tests with -DLANGEVIN_CUDA against the headers of a CUDA LibTorch. Then looks at
// the machine code: no spills, 128-bit loads, registers and shared memory within the limits of a block. Nothing is run.
//
//   node scripts/check-cuda.mjs [--libtorch PATH] [--disassembler PATH] [--arch sm_90]... [--kernels-only] [--json]
//
// PATH of LibTorch is a folder with include/ (default: LIBTORCH); the disassembler is nvdisasm or cuobjdump (default: on
// PATH or beside nvcc). Where nvcc is missing it says so and ends with 0; so it does for the host code without headers.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from './setup/arguments.mjs'
import { judge, loadsOf, readPtxas, table } from './test/cuda-report.mjs'
import { capture } from './test/process.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const kernels = join(root, 'native/core/executors/cuda')
const { values } = commandLine(import.meta.url, {
  options: {
    libtorch: { type: 'string' },
    disassembler: { type: 'string' },
    arch: { type: 'string', multiple: true, default: ['sm_80', 'sm_90', 'sm_100'] },
    'kernels-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

/** A command on PATH or in one of `folders`. */
function find(names, folders = []) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...folders])
    for (const name of names) if (folder && existsSync(join(folder, name))) return join(folder, name)
}

const log = (text) => console.error(text)
const run = (command, args) => capture(command, args, { cwd: root, quiet: true })
const toolkits = [process.env.CUDA_HOME, '/usr/local/cuda'].filter(Boolean)
const nvcc = find(
  ['nvcc'],
  toolkits.map((home) => join(home, 'bin')),
)
if (!nvcc) {
  console.log('check-cuda: skipped, nvcc is neither on PATH nor in CUDA_HOME nor in /usr/local/cuda')
  process.exit(0)
}
const version = /release ([\d.]+), V([\d.]+)/.exec((await run(nvcc, ['--version'])).text)?.[2] ?? 'unknown'
const disassembler =
  values.disassembler ??
  find(
    ['nvdisasm', 'cuobjdump'],
    toolkits.map((home) => join(home, 'bin')),
  )
const folder = mkdtempSync(join(tmpdir(), 'langevin-cuda-'))
const problems = []

/** One .cu for one architecture: { file, arch, kernels: [...] } */
async function compileKernel(file, arch) {
  const cubin = join(folder, `${file}.${arch}.cubin`)
  const args = ['-std=c++17', '-O3', '-fmad=false', `-arch=${arch}`, '-Xptxas', '-v', '-Werror', 'all-warnings']
  const made = await run(nvcc, [...args, '-I', join(root, 'native/core'), '-cubin', '-o', cubin, join(kernels, file)])
  if (made.status !== 0) {
    problems.push(`${file} does not compile for ${arch}:\n${made.text}`)
    return []
  }
  const rows = readPtxas(made.text)
  const sass =
    disassembler && (await run(disassembler, [...(/cuobjdump/.test(disassembler) ? ['-sass'] : ['-c']), cubin]))
  if (sass && sass.status !== 0) problems.push(`${disassembler} does not read ${file} for ${arch}:\n${sass.text}`)
  const loads = sass?.status === 0 ? loadsOf(sass.text) : undefined
  return rows.map((row) => ({ file, arch, ...row, loads: loads?.[row.mangled] }))
}

async function compileHost(prefix) {
  const include = ['include', 'include/torch/csrc/api/include'].flatMap((part) => ['-isystem', join(prefix, part)])
  const cuda = [
    '-isystem',
    join(dirname(dirname(nvcc)), 'include'),
    ...toolkits.flatMap((home) => ['-isystem', join(home, 'include')]),
  ]
  const flags = [
    '-std=c++20',
    '-O1',
    '-fPIC',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-DLANGEVIN_CUDA=1',
    '-c',
    '-o',
    '/dev/null',
  ]
  const paths = ['native/core', 'native/tests', '.'].flatMap((part) => ['-I', join(root, part)])
  const sources = ['native/core/executors/cuda', 'native/core/samplers/cuda', 'native/tests_cuda'].flatMap((part) =>
    readdirSync(join(root, part))
      .filter((name) => name.endsWith('.cpp'))
      .map((name) => join(part, name)),
  )
  for (const source of sources) {
    const began = Date.now()
    const made = await run(process.env.CXX ?? 'g++', [...flags, ...paths, ...include, ...cuda, join(root, source)])
    log(
      `${source}: ${made.status === 0 ? 'compiles' : 'does not compile'} (${((Date.now() - began) / 1000).toFixed(0)} s)`,
    )
    if (made.status !== 0) problems.push(`${source} does not compile with -DLANGEVIN_CUDA=1:\n${made.text}`)
  }
  return sources.length
}

try {
  const rows = []
  for (const file of readdirSync(kernels).filter((name) => name.endsWith('.cu')))
    for (const arch of values.arch) {
      log(`${file} for ${arch} ...`)
      rows.push(...(await compileKernel(file, arch)))
    }
  problems.push(...judge(rows, { expected: values.arch }))
  const prefix = values.libtorch ?? process.env.LIBTORCH
  const headers = prefix && existsSync(join(prefix, 'include/c10/cuda/CUDAStream.h'))
  let host = 'not asked for'
  if (!values['kernels-only']) {
    if (headers) host = `${await compileHost(prefix)} files against ${prefix}`
    else host = `skipped: ${prefix ?? 'LIBTORCH'} has no CUDA headers (--libtorch PATH)`
  }
  if (values.json) console.log(JSON.stringify({ nvcc: version, disassembler, rows, host, problems }, null, 2))
  else {
    console.log(
      `nvcc ${version}; machine code ${disassembler ? `read by ${disassembler}` : 'not read: no nvdisasm or cuobjdump'}`,
    )
    console.log(table(rows))
    console.log(`host code: ${host}`)
    for (const problem of problems) console.log(`FAILED ${problem}`)
    console.log(
      problems.length === 0 ? 'check-cuda: compiled and inspected, never run' : `check-cuda: ${problems.length} failed`,
    )
  }
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
