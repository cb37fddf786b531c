/** Packages that a service uses where they are installed. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { LangevinError } from '../errors.js'

/** An optional package, or undefined where it is not installed. */
export async function optional<T>(name: string): Promise<T | undefined> {
  let path: string
  try {
    path = createRequire(import.meta.url).resolve(name)
  } catch {
    return undefined
  }
  return (await import(pathToFileURL(path).href)) as T
}

/** @throws (rejects) ERR_LANGEVIN_UNSUPPORTED naming what to install */
export async function needed<T>(name: string, what: string): Promise<T> {
  const found = await optional<T>(name)
  if (found !== undefined) return found
  throw new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `${what} needs the package ${name}, which is not installed: npm install ${name}`,
  )
}
