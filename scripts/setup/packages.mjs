// node_modules from the lock file.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clock, run, SetupError, say, showProgress } from './console.mjs'
import { installedAsDependency, SETUP } from './paths.mjs'

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/**
 * Why node_modules does not match the lock file. npm keeps what it installed in node_modules/.package-lock.json and writes
 * that last, so an interrupted installation shows as a missing or old one.
 *
 * @param {string} root
 * @returns {string | undefined} undefined when it matches
 */
export function packagesMismatch(root) {
  const installedLock = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(installedLock)) return 'node_modules is missing or incomplete'
  const wanted = readJson(join(root, 'package-lock.json')).packages
  const installed = readJson(installedLock).packages
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    // Optional packages are those of other platforms, which npm leaves out.
    if (path === '' || optional) continue
    if (installed[path]?.version !== version || !existsSync(join(root, path)))
      return `${path} ${version} is not installed`
  }
  return undefined
}

/** @param {{ root: string }} context */
export async function installPackages({ root }) {
  if (installedAsDependency(root)) return say('packages', 'skipped: langevin is installed as a dependency')
  const mismatch = packagesMismatch(root)
  if (!mismatch) return say('packages', 'skipped: node_modules matches package-lock.json')
  say('packages', `npm ci, because ${mismatch}`)
  const done = showProgress('packages', (seconds) => `npm ci, ${clock(seconds)} so far`)
  // onnxruntime-node (tests alone) has its libraries for the CPU; its install script would fetch those for CUDA as well.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }
  const { status, tail } = await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, env })
  done()
  if (status === 0) return undefined
  if (/ENOSPC/.test(tail)) throw new SetupError('npm ci ran out of disk space', `free some space, then: ${SETUP}`)
  throw new SetupError(
    `npm ci failed (exit ${status})`,
    `when its messages above are dealt with (or the network is back): ${SETUP}`,
    tail,
  )
}
