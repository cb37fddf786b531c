// The built addon as a file: where it lies, what is written beside it, and how LibTorch gets into the process before it.
// Set-up and the loader of the package (src/native/load.ts) both go by this.
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import process from 'node:process'
import { libtorchVersion, managedTorch } from './libtorch.mjs'
import { homeDirectory, installedAsDependency, setupCommand, stateDirectory } from './paths.mjs'

/** The Node-API level the addon is compiled for: it loads in every Node that has it. */
export const NAPI = 9
/** What a binary fits: it loads on no other. */
export const PLATFORM = `${process.platform}-${process.arch}-glibc`
/** The package that brings the addon compiled for this platform. */
export const PREBUILT = `@langevin/${PLATFORM}`
/** glibc's own flag of dlopen, which Node does not name: what is opened stays in the process. */
const RTLD_NODELETE = 0x1000

/**
 * @typedef {object} Libtorch
 * @property {string} version for example 2.13.0
 * @property {string} [prefix] its folder, absolute
 * @property {string} [relative] its folder as seen from the file that says so: right when both were moved together
 */

/** The version in the package's manifest. @param {string} root */
export function packageVersion(root) {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}

/** A path inside an Electron archive, as the file lies beside the archive: libraries cannot be opened in it. */
export function unpacked(path) {
  return path.replace(/\.asar(?=[\\/])/, '.asar.unpacked')
}

/** JSON of a file, or undefined. */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Writes JSON in one step: nobody reads half of it. */
function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.new-${process.pid}`
  // Whatever the umask: what everybody may write to is not trusted.
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o644 })
  renameSync(temporary, path)
}

/** How a file in `folder` names a LibTorch. @param {string} folder @param {{ version?: string, prefix: string }} found */
export function libtorchFrom(folder, { version, prefix }) {
  return { version, prefix, relative: relative(folder, prefix) }
}

/** The record beside an addon (langevin.json), or undefined. @param {string} addon */
export function readRecord(addon) {
  return readJson(join(dirname(addon), 'langevin.json'))
}

/** Writes the record beside an addon, with its size. @param {string} addon @param {object} record */
export function writeRecord(addon, record) {
  writeJson(join(dirname(addon), 'langevin.json'), { ...record, bytes: statSync(addon).size })
}

/** The folder of a cache for an addon: version, LibTorch and ABI. A LibTorch of one's own counts by its folder too. */
export function addonFolder(root, env, { version, own }) {
  const libtorch = own ? `${version}-${own}` : version
  return join(stateDirectory(root, env), `addon-${packageVersion(root)}-libtorch-${libtorch}-napi${NAPI}-${PLATFORM}`)
}

/** The file of a cache that names what set-up chose last for this version of the package. */
export function choicePath(root, env = process.env) {
  return join(stateDirectory(root, env), `current-${packageVersion(root)}-napi${NAPI}-${PLATFORM}.json`)
}

/** What set-up chose: the addon, when it was compiled here, and the LibTorch; undefined before the first set-up. */
export function readChoice(root, env = process.env) {
  if (!installedAsDependency(root)) return undefined
  const path = choicePath(root, env)
  const choice = readJson(path)
  return choice && { addon: choice.addon && join(dirname(path), choice.addon), libtorch: choice.libtorch }
}

/** @param {string} root @param {NodeJS.ProcessEnv} env @param {{ addon?: string, libtorch: { version?: string, prefix: string } }} choice */
export function writeChoice(root, env, { addon, libtorch }) {
  const path = choicePath(root, env)
  const folder = dirname(path)
  writeJson(path, { ...(addon && { addon: relative(folder, addon) }), libtorch: libtorchFrom(folder, libtorch) })
}

/** The addon of the platform's package, when that is installed with the same version; undefined otherwise. */
export function prebuiltAddon(root) {
  let manifest
  try {
    manifest = createRequire(join(root, 'package.json')).resolve(`${PREBUILT}/package.json`)
  } catch {
    return undefined
  }
  if (readJson(manifest)?.version !== packageVersion(root)) return undefined
  return unpacked(join(dirname(manifest), 'langevin.node'))
}

/** Where a record or choice in `folder` says that LibTorch is: the way from there first, then the absolute one. */
function placesOf(folder, libtorch) {
  const { relative: way, prefix } = libtorch ?? {}
  return [way && !isAbsolute(way) ? resolve(folder, way) : undefined, prefix].filter((path) => path !== undefined)
}

const holdsLibtorch = (prefix) => existsSync(join(prefix, 'lib/libtorch_cpu.so'))

/**
 * The LibTorch to load an addon with: LANGEVIN_LIBTORCH alone when it is set; else the one it was built with, by the way
 * from the addon and then by its absolute path; else the one set-up chose, and the managed copy.
 *
 * @param {string} addon
 * @param {{ root: string, env?: NodeJS.ProcessEnv }} context root is the package's folder
 * @returns {{ prefix?: string, problem?: string, remedy?: string }} prefix undefined without a problem: the addon has no
 *   record and no LibTorch is known, so it may bring its own
 */
export function libtorchOf(addon, { root, env = process.env }) {
  const record = readRecord(addon)
  const needed = record?.libtorch?.version
  if (env.LANGEVIN_LIBTORCH) {
    const prefix = env.LANGEVIN_LIBTORCH
    const remedy = 'set LANGEVIN_LIBTORCH to the folder that holds lib/libtorch_cpu.so, or unset it'
    if (!holdsLibtorch(prefix)) return { problem: `LANGEVIN_LIBTORCH=${prefix} is no LibTorch`, remedy }
    return fitting(prefix, needed, { root, env })
  }
  const choice = readChoice(root, env)
  const managed = managedTorch(join(homeDirectory(root, env), 'venv'))
  const places = [
    ...placesOf(dirname(addon), record?.libtorch),
    ...(choice ? placesOf(dirname(choicePath(root, env)), choice.libtorch) : []),
    ...(managed ? [managed] : []),
  ]
  const prefix = places.find(holdsLibtorch)
  if (prefix) return fitting(prefix, needed, { root, env })
  if (!record) return {}
  const tried = places.length > 0 ? ` (not in ${[...new Set(places)].join(', ')})` : ''
  return { problem: `the LibTorch ${needed} it needs is not there${tried}`, remedy: setupCommand(root) }
}

/** LibTorch's C++ interface is another one in every release: only the version of the build will do. */
function fitting(prefix, needed, { root, env }) {
  const version = libtorchVersion(prefix)
  if (!version || !needed || version === needed || env.LIBTORCH_BYPASS_VERSION_CHECK === '1') return { prefix }
  return {
    problem: `it was built with LibTorch ${needed}, and ${prefix} is ${version}`,
    remedy: `${setupCommand(root)} (or set LANGEVIN_LIBTORCH to a LibTorch ${needed})`,
  }
}

/** What is wrong with the file itself; undefined when nothing is. @param {string} addon */
export function damage(addon) {
  const bytes = readRecord(addon)?.bytes
  const found = statSync(addon).size
  if (bytes === undefined || bytes === found) return undefined
  return `it is incomplete: ${found} bytes instead of ${bytes}`
}

/**
 * Opens a LibTorch, so that an addon finds its libraries in the process and needs no path to them of its own. Node knows
 * opening a library only as loading an addon, so it says of every other one that it did not register itself; the
 * library has been opened then, and stays.
 *
 * @param {string} prefix
 * @throws what the dynamic linker says
 */
export function openLibtorch(prefix) {
  const main = join(prefix, 'lib/libtorch.so')
  const library = existsSync(main) ? main : join(prefix, 'lib/libtorch_cpu.so')
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | RTLD_NODELETE)
  } catch (error) {
    if (!/did not self-register/.test(error.message)) throw error
  }
}
