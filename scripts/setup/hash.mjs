// Fingerprints of files, by which set-up knows what has changed.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Every file below the given files and folders, sorted; missing ones are passed over. */
export function filesBelow(root, entries) {
  const found = []
  const visit = (relative) => {
    const path = join(root, relative)
    if (!existsSync(path)) return
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) visit(join(relative, name))
    else found.push(relative)
  }
  for (const entry of entries) visit(entry)
  return found.sort()
}

/**
 * A digest of file contents and further facts. Contents, not times: a fresh checkout of the same files counts as the same.
 *
 * @param {string} root
 * @param {string[]} entries files and folders below root
 * @param {unknown} facts anything JSON can hold
 */
export function fingerprint(root, entries, facts = {}) {
  const hash = createHash('sha256').update(JSON.stringify(facts))
  for (const file of filesBelow(root, entries)) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** A stamp's content, or undefined. @param {string} path */
export function readStamp(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
