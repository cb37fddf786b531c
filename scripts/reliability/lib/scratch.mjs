// Folders for files of a part: in memory where there is such a place, so that a slow disk is not what is measured.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

function memoryFolder() {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

/**
 * A new folder, removed when the process ends.
 *
 * @param {string} name
 * @param {{ disk?: boolean }} [options] disk: on a disk, where syncing takes time
 */
export function scratch(name, { disk = false } = {}) {
  const folder = mkdtempSync(join(disk ? tmpdir() : memoryFolder(), `langevin-${name}-`))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
