// The managed LibTorch: a private Python environment whose torch wheel is a complete LibTorch.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { clock, output, run, SetupError, say, showProgress } from './console.mjs'
import { fingerprint, readStamp } from './hash.mjs'
import { describeAttempts, managedTorch, resolveLibtorch } from './libtorch.mjs'
import { homeDirectory, PINNED_LIBTORCH, SETUP } from './paths.mjs'

const REQUIREMENTS = 'scripts/setup/requirements.txt'
// The environment of a CPU wheel takes 0.9 GB and pip unpacks beside its download of 0.2 GB; a CUDA wheel takes several
// times that and pip says so itself.
const VENV_BYTES = 1.5e9

/** Throws when fewer than `bytes` are free where `path` lies. @param {string} path @param {number} bytes */
export function checkSpace(path, bytes, what) {
  const { bavail, bsize } = statfsSync(path)
  const free = bavail * bsize
  if (free >= bytes) return
  const gigabytes = (value) => `${(value / 1e9).toFixed(1)} GB`
  throw new SetupError(
    `${what} needs ${gigabytes(bytes)}, but ${path} has ${gigabytes(free)} free`,
    `free some space or set LANGEVIN_CACHE to a folder on a larger disk, then: ${SETUP}`,
  )
}

const CHECK = `
import json, os, torch
print(json.dumps({'version': torch.__version__.split('+')[0], 'prefix': os.path.dirname(torch.__file__),
                  'sum': float(torch.ones(3).sum())}))`

/** Imports what was installed. Returns why it is unusable, or undefined. */
async function verify(venv) {
  const { status, tail } = await run(join(venv, 'bin/python'), ['-c', CHECK], { quiet: true })
  if (status !== 0) return `importing torch fails:\n${tail.trim()}`
  const answer = /^\{.*\}$/m.exec(tail)
  if (!answer) return 'its Python does not run'
  const { version, prefix, sum } = JSON.parse(answer[0])
  if (version !== PINNED_LIBTORCH) return `it holds torch ${version} instead of ${PINNED_LIBTORCH}`
  if (sum !== 3) return 'torch computes wrong sums'
  if (!existsSync(join(prefix, 'share/cmake/Torch/TorchConfig.cmake'))) return 'its torch wheel has no CMake files'
  return undefined
}

/** An environment is made under a temporary name: the scripts and the activation files in it have that name written in. */
function rename(temporary, final) {
  const bin = join(temporary, 'bin')
  for (const name of readdirSync(bin)) {
    const path = join(bin, name)
    if (!lstatSync(path).isFile()) continue
    const content = readFileSync(path)
    if (content.includes(0)) continue
    writeFileSync(path, content.toString().replaceAll(temporary, final))
  }
  if (existsSync(final)) {
    const old = `${final}.old-${process.pid}`
    renameSync(final, old)
    renameSync(temporary, final)
    rmSync(old, { recursive: true, force: true })
  } else {
    renameSync(temporary, final)
  }
}

function removeLeftovers(home) {
  for (const name of readdirSync(home)) {
    if (!/^venv\.(partial|old)-/.test(name)) continue
    say('libtorch', `removing ${name}, left behind by an interrupted set-up`)
    rmSync(join(home, name), { recursive: true, force: true })
  }
}

/**
 * Installs what a requirements file names into an environment.
 *
 * @param {string} root
 * @param {string} venv
 * @param {string} step the step that says how long it takes
 * @param {string} requirements a path below root
 * @param {{ command: string, otherwise?: string }} remedy the command that tries again, and what else helps
 */
export async function pipInstall(root, venv, step, requirements, { command, otherwise = '' }) {
  const args = ['-m', 'pip', 'install', '-q', '--retries', '2', '--disable-pip-version-check', '--no-input']
  const ended = showProgress(step, (seconds) => `pip install, ${clock(seconds)} so far`)
  const { status, tail } = await run(join(venv, 'bin/python'), [...args, '-r', join(root, requirements)])
  ended()
  if (status === 0) return
  if (/No space left|Errno 28/.test(tail)) {
    throw new SetupError(
      'pip ran out of disk space',
      `free some space (or set TMPDIR and LANGEVIN_CACHE), then: ${command}`,
      tail,
    )
  }
  throw new SetupError(
    `pip could not install ${requirements} (exit ${status})`,
    `when its messages above are dealt with: ${command}${otherwise}`,
    tail,
  )
}

async function install(root, temporary) {
  const made = await run('python3', ['-m', 'venv', temporary])
  if (made.status !== 0) {
    throw new SetupError(
      `python3 -m venv failed (exit ${made.status})`,
      `apt-get install -y python3-venv, then: ${SETUP}`,
      made.tail,
    )
  }
  await pipInstall(root, temporary, 'libtorch', REQUIREMENTS, {
    command: SETUP,
    otherwise:
      '. Without a network: LIBTORCH=/path/to/libtorch, or LIBTORCH_USE_PYTORCH=1 for the PyTorch of your python3',
  })
}

async function isCurrent(venv, wanted) {
  if (!managedTorch(venv)) return false
  const stamp = join(venv, 'langevin.json')
  if (readStamp(stamp)?.requirements === wanted) return true
  // No stamp, or one of older requirements: what is there may do all the same.
  const satisfied = await output(join(venv, 'bin/python'), ['-c', 'import torch; print(torch.__version__)'])
  if (!satisfied?.startsWith(PINNED_LIBTORCH) || (await verify(venv))) return false
  writeFileSync(stamp, JSON.stringify({ requirements: wanted }))
  return true
}

async function provision(root, home, venv, wanted) {
  checkSpace(home, VENV_BYTES, 'the private Python environment')
  const temporary = join(home, `venv.partial-${process.pid}`)
  const size = 'the CPU wheel: 0.2 GB to download, 0.9 GB on disk; one with CUDA: several times that'
  say('libtorch', `installing torch ${PINNED_LIBTORCH} in ${venv} (${size})`)
  try {
    await install(root, temporary)
    const problem = await verify(temporary)
    if (problem) {
      throw new SetupError(
        `the environment pip made is not usable: ${problem}`,
        `check which package index your pip uses (pip config list), then: ${SETUP}`,
      )
    }
    writeFileSync(join(temporary, 'langevin.json'), JSON.stringify({ requirements: wanted }))
    rename(temporary, venv)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/**
 * Makes sure there is a LibTorch: takes the one LIBTORCH or LIBTORCH_USE_PYTORCH=1 asks for, else the managed copy, which
 * it makes when it is missing.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv }} context
 * @returns {Promise<import('./libtorch.mjs').LibtorchResolution>}
 */
export async function provideLibtorch({ root, env = process.env }) {
  const home = homeDirectory(root, env)
  let found = resolveLibtorch({ root, env })
  if (found.source !== 'managed') {
    if (!found.prefix)
      throw new SetupError(`LibTorch was not found:\n${describeAttempts(found.attempts)}`, found.attempts.at(-1).remedy)
    say('libtorch', `skipped: ${found.source} asks for LibTorch ${found.version} in ${found.prefix}`)
    return found
  }
  mkdirSync(home, { recursive: true })
  removeLeftovers(home)
  const venv = join(home, 'venv')
  const wanted = fingerprint(root, [REQUIREMENTS])
  if (await isCurrent(venv, wanted)) say('libtorch', `skipped: ${venv} holds LibTorch ${found.version}`)
  else await provision(root, home, venv, wanted)
  found = resolveLibtorch({ root, env })
  if (!found.prefix) throw new SetupError(`LibTorch was not found:\n${describeAttempts(found.attempts)}`, SETUP)
  return found
}
