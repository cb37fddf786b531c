#!/usr/bin/env node
// npm run test:cuda: the tests that need a CUDA device, in a build folder of their own. Where there is no nvcc, no CUDA
// LibTorch or no device it says so and ends with 0: nothing was tested.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { resolveLibtorch } from './setup/libtorch.mjs'
import { homeDirectory } from './setup/paths.mjs'
import { countTests } from './test/native.mjs'
import { capture } from './test/process.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const build = join(root, 'build-cuda')
const env = { ...process.env, LANGEVIN_CACHE: homeDirectory(root) }

const quiet = (command, args) => capture(command, args, { cwd: root, env, quiet: true })

/** Why nothing can be tested here, or undefined. */
async function missing() {
  const libtorch = resolveLibtorch({ root, env })
  if (!libtorch.prefix) return 'there is no LibTorch (npm run setup, or set LIBTORCH)'
  if (!libtorch.cuda)
    return `LibTorch ${libtorch.version ?? ''} in ${libtorch.prefix} is not a CUDA build (set LIBTORCH to one)`
  const places = [env.CUDA_HOME && join(env.CUDA_HOME, 'bin/nvcc'), '/usr/local/cuda/bin/nvcc'].filter(Boolean)
  if ((await quiet('nvcc', ['--version'])).status !== 0 && !places.some((place) => existsSync(place)))
    return 'nvcc is missing (install the CUDA toolkit of the version LibTorch was built with)'
  const devices = await quiet('nvidia-smi', ['-L'])
  if (devices.status !== 0 || !/GPU \d/.test(devices.text)) return 'there is no CUDA device (nvidia-smi -L names none)'
  return undefined
}

const reason = await missing()
if (reason) {
  console.log(`test:cuda: skipped, ${reason}`)
  process.exit(0)
}
const steps = [
  ['cmake', ['-G', 'Ninja', '-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release', '-DLANGEVIN_CUDA=ON']],
  ['cmake', ['--build', build, '--target', 'langevin_cuda_tests']],
]
let failed = 0
for (const [command, args] of steps)
  if (failed === 0 && (await capture(command, args, { cwd: root, env })).status !== 0) failed = 1
let passed = 0
if (failed === 0) {
  const { status, text } = await capture(join(build, 'langevin_cuda_tests'), [], { cwd: root, env })
  ;({ passed, failed } = countTests(text))
  if (status !== 0 && failed === 0) failed = 1
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
