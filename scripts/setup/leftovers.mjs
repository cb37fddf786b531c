// What a set-up that was killed leaves in a cache: folders under temporary names. Called with the lock of the cache held.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { damage } from './addon.mjs'
import { readStamp } from './hash.mjs'

/** The stamp is written last. */
function isWhole(folder) {
  const addon = join(folder, 'langevin.node')
  return existsSync(addon) && readStamp(join(folder, 'langevin-stamp.json')) !== undefined && !damage(addon)
}

/**
 * Removes folders of set-ups that were killed. One that was killed between its two renames has left no addon under the final
 * name: the new one gets it, or the old one where the new one is not whole.
 *
 * @param {string} state the folder of the cache
 * @param {string} build the build folder that the next build continues; those of others are removed
 */
export function clearLeftovers(state, build) {
  if (!existsSync(state)) return
  const names = readdirSync(state)
  // "new" sorts before "old".
  const parts = names.filter((name) => /^addon-.*\.(new|old)-\d+$/.test(name)).sort()
  for (const name of parts) {
    const folder = join(state, name)
    const target = folder.replace(/\.(new|old)-\d+$/, '')
    if (!existsSync(target) && isWhole(folder)) renameSync(folder, target)
    else rmSync(folder, { recursive: true, force: true })
  }
  for (const name of names.filter((each) => each.startsWith('build-addon-') && each !== basename(build)))
    rmSync(join(state, name), { recursive: true, force: true })
}
