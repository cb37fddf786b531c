// How many processors this process may use: those it may run on, and what the quota of its control group pays for.
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '')

/** The folder itself and those above it, up to `/`. @param {string} path */
function upwards(path) {
  const parts = path.split('/').filter((part) => part && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join('/')}`)
}

/**
 * Processors the quota of the control group pays for (cpu.max of version 2, cpu.cfs_quota_us of version 1), the least of
 * those of the groups around it; Infinity without a quota. A fraction such as 1.5 stays one.
 *
 * @param {string} [at] the root of the file system; for tests
 */
export function quota(at = '/') {
  const groups = read(join(at, 'proc/self/cgroup')).split('\n')
  const limits = []
  for (const line of groups) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (path === undefined) continue
    if (controllers === '') {
      for (const folder of upwards(path)) {
        const [most, period] = read(join(at, 'sys/fs/cgroup', folder, 'cpu.max')).split(/\s+/)
        if (Number(most) > 0 && Number(period) > 0) limits.push(Number(most) / Number(period))
      }
    } else if (controllers.split(',').includes('cpu')) {
      for (const folder of upwards(path)) {
        const file = (name) => Number(read(join(at, 'sys/fs/cgroup', controllers, folder, name)))
        const [most, period] = [file('cpu.cfs_quota_us'), file('cpu.cfs_period_us')]
        if (most > 0 && period > 0) limits.push(most / period)
      }
    }
  }
  return Math.min(Number.POSITIVE_INFINITY, ...limits)
}

/**
 * Threads worth starting: the processors of the affinity mask, and no more than the quota pays for in whole ones (one more
 * would make the kernel halt all of them for the rest of each period); at least 1.
 *
 * @param {{ cores?: number, at?: string }} [machine] for tests
 */
export function allowedProcessors({ cores = availableParallelism(), at } = {}) {
  return Math.max(1, Math.min(cores, Math.floor(quota(at))))
}
