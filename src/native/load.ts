/** Finds and loads the native addon. */
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'
import {
  choicePath,
  damage,
  libtorchOf,
  openLibtorch,
  PREBUILT,
  prebuiltAddon,
  readChoice,
  unpacked,
} from '../../scripts/setup/addon.mjs'
import { foreignCache, installedAsDependency, setupCommand, stateDirectory } from '../../scripts/setup/paths.mjs'
import { LangevinError, messageOf } from '../errors.js'
import { CONTRACT_VERSION, type NativeBinding } from './contract.js'
import { limitThreads, platformProblem } from './machine.js'

const require = createRequire(import.meta.url)

/** One place the loader looked at. */
export interface LoadAttempt {
  path: string
  /** Why it was tried: the LANGEVIN_ADDON variable, or one of the places a build puts the addon. */
  origin: string
  /** What went wrong; undefined for the one that loaded. */
  problem?: string
  /** The command that fixes it. */
  remedy?: string
}

/** What `loadAddon` came to. */
export interface LoadOutcome {
  addon?: NativeBinding
  path?: string
  attempts: LoadAttempt[]
  /** Why nothing was opened at all, and the command that fixes it. */
  refused?: { problem: string; remedy?: string }
}

const REBUILD = 'npx langevin build'
const MISSING = 'no such file'

/** The package's folder, with a slash at its end. */
export function packageRoot(): string {
  return fileURLToPath(new URL('../../', import.meta.url))
}

/** Where a dependency's addon is: in the cache where it was compiled, in the platform's package, or nowhere yet. */
function installed(root: string, env: NodeJS.ProcessEnv): LoadAttempt[] {
  const list: LoadAttempt[] = []
  const compiled = readChoice(root, env)?.addon
  if (compiled) list.push({ path: compiled, origin: 'compiled by set-up' })
  const prebuilt = prebuiltAddon(root)
  if (prebuilt) list.push({ path: prebuilt, origin: PREBUILT })
  return list.length > 0 ? list : [{ path: choicePath(root, env), origin: 'what set-up leaves' }]
}

/**
 * The places to look, in order. LANGEVIN_ADDON alone counts when it is set: another addon than the one asked for must not
 * slip in.
 *
 * @param root the package's folder (two above this file, in src/ as in dist/)
 */
export function candidates(root: string, env: NodeJS.ProcessEnv = process.env): LoadAttempt[] {
  if (env.LANGEVIN_ADDON) return [{ path: env.LANGEVIN_ADDON, origin: 'LANGEVIN_ADDON' }]
  if (installedAsDependency(root)) return installed(root, env)
  return [
    { path: `${root}build/Release/langevin.node`, origin: 'built by cmake-js' },
    { path: `${root}build/Debug/langevin.node`, origin: 'debug build' },
    { path: `${root}build/langevin.node`, origin: 'plain build folder' },
  ].map((candidate) => ({ ...candidate, path: unpacked(candidate.path) }))
}

/** The command that fixes a failed load, from what the dynamic linker said. */
export function remedyFor(problem: string, root: string = packageRoot()): string {
  if (/lib(torch|c10)[\w]*\.so.*(cannot open|not found)/.test(problem)) {
    return `${setupCommand(root)} (the LibTorch that this addon was built with is missing)`
  }
  if (/failed to map segment|[Cc]annot allocate memory/.test(problem)) {
    return 'give the process more memory: LibTorch needs 1.5 GiB of address space (ulimit -v), about 200 MiB of it in memory'
  }
  if (/undefined symbol/.test(problem)) return `${REBUILD} (LibTorch was replaced by another version since the build)`
  if (/GLIBCXX|GLIBC_/.test(problem)) return `${REBUILD} (the addon was built on a newer system)`
  return REBUILD
}

/** The LibTorch this process has opened. It stays also when the addon it was opened for does not load. */
let opened: string | undefined

/** Why a LibTorch cannot be opened beside the one of the process: their symbols would mix. */
function mixture(prefix: string): { problem: string; remedy: string } | undefined {
  if (opened === undefined || realpathSync(prefix) === opened) return undefined
  return {
    problem: `it needs the LibTorch in ${prefix}, and this process has already opened the one in ${opened}`,
    remedy: 'start this process anew with an addon and a LibTorch that fit',
  }
}

function openOnce(prefix: string): void {
  openLibtorch(prefix)
  opened = realpathSync(prefix)
}

/** Opens LibTorch, then the addon. Returns the addon, or what went wrong and the command that fixes it. */
function open(path: string, root: string, env: NodeJS.ProcessEnv): NativeBinding | { problem: string; remedy: string } {
  if (!existsSync(path)) return { problem: MISSING, remedy: setupCommand(root) }
  const damaged = damage(path)
  if (damaged) return { problem: damaged, remedy: setupCommand(root) }
  const { prefix, problem, remedy = REBUILD } = libtorchOf(path, { root, env })
  if (problem) return { problem, remedy }
  const mixed = prefix && mixture(prefix)
  if (mixed) return mixed
  try {
    if (prefix) openOnce(prefix)
    const addon = require(path) as NativeBinding
    if (addon.contractVersion === CONTRACT_VERSION) return addon
    const found = `it has contract version ${String(addon.contractVersion)}, this package needs ${CONTRACT_VERSION}`
    return { problem: found, remedy: REBUILD }
  } catch (error) {
    const said = messageOf(error).split('\n')[0] as string
    return { problem: said, remedy: remedyFor(said, root) }
  }
}

/**
 * Tries the candidates in turn and keeps every failure.
 *
 * @param list from `candidates`
 * @param root the package's folder: its LibTorch is the one to open
 * @returns the first addon that loads and has this package's contract version
 */
export function loadAddon(
  list: readonly LoadAttempt[],
  root: string = packageRoot(),
  env: NodeJS.ProcessEnv = process.env,
): LoadOutcome {
  const attempts: LoadAttempt[] = []
  for (const candidate of list) {
    const opened = open(candidate.path, root, env)
    if (!('problem' in opened)) {
      attempts.push({ ...candidate })
      return { addon: opened, path: candidate.path, attempts }
    }
    attempts.push({ ...candidate, ...opened })
  }
  return { attempts }
}

/** Where the package `bindings` finds an addon: the folders that node-gyp and other tools build into. */
function byBindings(root: string): LoadAttempt[] {
  try {
    const find = require('bindings') as (options: object) => string
    const path = find({ bindings: 'langevin', module_root: root, path: true })
    return [{ path: unpacked(path), origin: 'found by bindings' }]
  } catch {
    // It throws when it finds none, with the list of the folders it knows.
    return []
  }
}

/**
 * Loads the first of the candidates that fits; when none does, what `bindings` finds.
 *
 * @param root the package's folder
 */
export function findAddon(root: string, env: NodeJS.ProcessEnv = process.env): LoadOutcome {
  const known = candidates(root, env)
  const first = loadAddon(known, root, env)
  if (first.addon || env.LANGEVIN_ADDON) return first
  const others = byBindings(root).filter(({ path }) => !known.some((candidate) => candidate.path === path))
  const last = loadAddon(others, root, env)
  return { ...last, attempts: [...first.attempts, ...last.attempts] }
}

/** The attempt that says most: a file that is there and fails, before one that is missing. */
export function telling(attempts: readonly LoadAttempt[]): LoadAttempt | undefined {
  return attempts.find(({ problem }) => problem !== MISSING) ?? attempts[0]
}

/** The error for a load that found nothing: what was tried and the command that fixes it. */
export function loadError(attempts: readonly LoadAttempt[]): LangevinError {
  const tried = attempts.map(({ path, origin, problem }) => `  - ${path} (${origin}): ${problem}`).join('\n')
  const remedy = telling(attempts)?.remedy ?? REBUILD
  return new LangevinError(
    'ERR_LANGEVIN_NATIVE_LOAD',
    `the native addon could not be loaded. Tried:\n${tried}\nTo fix it: ${remedy}. More: npx langevin doctor`,
    { details: { attempts: attempts.map((attempt) => ({ ...attempt })), remedy } },
  )
}

/** Why nothing native may be opened: the platform, or a cache into which somebody else could have put files. */
export function refusal(root: string, env: NodeJS.ProcessEnv): LoadOutcome['refused'] {
  const unfit = platformProblem()
  if (unfit) return { problem: unfit }
  if (env.LANGEVIN_ADDON || !installedAsDependency(root)) return undefined
  const state = stateDirectory(root, env)
  // In this order: what names the addon is read only when it is to be trusted.
  const foreign = foreignCache(state) ?? foreignCache(choicePath(root, env)) ?? foreignAddon(root, env)
  const remedy = `LANGEVIN_CACHE=/a/folder/of/yours ${setupCommand(root)}`
  return foreign === undefined ? undefined : { problem: `nothing is loaded from the cache: ${foreign}`, remedy }
}

function foreignAddon(root: string, env: NodeJS.ProcessEnv): string | undefined {
  const addon = readChoice(root, env)?.addon
  return addon === undefined ? undefined : foreignCache(dirname(addon))
}

/**
 * The addon as it is to be used: nothing is opened that must not be, and the threads are limited before anything asks the
 * addon, whose pool settles at the first question.
 *
 * @param root the package's folder
 * @returns what was tried, or why nothing was
 */
export function provideAddon(root: string, env: NodeJS.ProcessEnv = process.env): LoadOutcome {
  const refused = refusal(root, env)
  if (refused) return { attempts: [], refused }
  const outcome = findAddon(root, env)
  if (outcome.addon) limitThreads(outcome.addon)
  return outcome
}

let loaded: { addon: NativeBinding; path: string } | undefined

function ensure(): { addon: NativeBinding; path: string } {
  if (!loaded) {
    const { addon, path, attempts, refused } = provideAddon(packageRoot())
    if (refused) {
      const fix = refused.remedy ? `. To fix it: ${refused.remedy}` : ''
      throw new LangevinError('ERR_LANGEVIN_NATIVE_LOAD', `${refused.problem}${fix}`)
    }
    if (!addon || !path) throw loadError(attempts)
    loaded = { addon, path }
  }
  return loaded
}

/**
 * The native addon, loaded on first use: importing the package costs nothing and works without a build.
 *
 * @throws LangevinError ERR_LANGEVIN_NATIVE_LOAD with every place that was tried and the command that fixes it. A later
 *   call tries again, so a build made meanwhile is found.
 */
export function native(): NativeBinding {
  return ensure().addon
}

/** Where the addon was loaded from; loads it when that has not happened yet. */
export function nativePath(): string {
  return ensure().path
}
