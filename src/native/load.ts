/** Finds and loads the native addon. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'
import { LangevinError, messageOf } from '../errors.js'
import { CONTRACT_VERSION, type NativeBinding } from './contract.js'

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
}

const REBUILD = 'npx langevin build'

/**
 * The places to look, in order. LANGEVIN_ADDON alone counts when it is set: another addon than the one asked for must not
 * slip in.
 *
 * @param root the package's folder (two above this file, in src/ as in dist/)
 */
export function candidates(root: string, env: NodeJS.ProcessEnv = process.env): LoadAttempt[] {
  if (env.LANGEVIN_ADDON) return [{ path: env.LANGEVIN_ADDON, origin: 'LANGEVIN_ADDON' }]
  return [
    { path: `${root}build/Release/langevin.node`, origin: 'built by cmake-js' },
    { path: `${root}build/Debug/langevin.node`, origin: 'debug build' },
    { path: `${root}build/langevin.node`, origin: 'plain build folder' },
    { path: `${root}lib/binding/langevin.node`, origin: 'packaged addon' },
  ]
}

/** The command that fixes a failed load, from what the dynamic linker said. */
export function remedyFor(problem: string): string {
  if (/lib(torch|c10)[\w]*\.so.*(cannot open|not found)/.test(problem)) {
    return 'npm run setup (the LibTorch that this addon was built with is missing)'
  }
  if (/undefined symbol/.test(problem)) return `${REBUILD} (LibTorch was replaced by another version since the build)`
  if (/GLIBCXX|GLIBC_/.test(problem)) return `${REBUILD} (the addon was built on a newer system)`
  return REBUILD
}

/**
 * Tries the candidates in turn and keeps every failure.
 *
 * @param list from `candidates`
 * @returns the first addon that loads and has this package's contract version
 */
export function loadAddon(list: readonly LoadAttempt[]): LoadOutcome {
  const attempts: LoadAttempt[] = []
  for (const candidate of list) {
    const attempt = { ...candidate }
    attempts.push(attempt)
    if (!existsSync(candidate.path)) {
      attempt.problem = 'no such file'
      attempt.remedy = REBUILD
      continue
    }
    try {
      const addon = require(candidate.path) as NativeBinding
      if (addon.contractVersion === CONTRACT_VERSION) return { addon, path: candidate.path, attempts }
      attempt.problem = `it has contract version ${String(addon.contractVersion)}, this package needs ${CONTRACT_VERSION}`
      attempt.remedy = REBUILD
    } catch (error) {
      attempt.problem = messageOf(error).split('\n')[0] as string
      attempt.remedy = remedyFor(attempt.problem)
    }
  }
  return { attempts }
}

/** The error for a load that found nothing: what was tried and the command that fixes it. */
export function loadError(attempts: readonly LoadAttempt[]): LangevinError {
  const tried = attempts.map(({ path, origin, problem }) => `  - ${path} (${origin}): ${problem}`).join('\n')
  // The remedy of a file that is there and fails says more than that of one that is missing.
  const telling = attempts.find(({ problem }) => problem !== 'no such file') ?? attempts[0]
  return new LangevinError(
    'ERR_LANGEVIN_NATIVE_LOAD',
    `the native addon could not be loaded. Tried:\n${tried}\nTo fix it: ${telling?.remedy ?? REBUILD}. ` +
      'More: npx langevin doctor',
    { details: { attempts: attempts.map((attempt) => ({ ...attempt })), remedy: telling?.remedy ?? REBUILD } },
  )
}

let loaded: { addon: NativeBinding; path: string } | undefined

/** The package's folder, with a slash at its end. */
export function packageRoot(): string {
  return fileURLToPath(new URL('../../', import.meta.url))
}

function ensure(): { addon: NativeBinding; path: string } {
  if (!loaded) {
    const { addon, path, attempts } = loadAddon(candidates(packageRoot()))
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
