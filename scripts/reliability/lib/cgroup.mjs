// Control groups: one of this machine's, made for a moment, or a folder of files as the kernel shows them.
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A root of a file system with a control group of version 2 and these limits. */
export function fakeRoot(folder, limits) {
  const at = mkdtempSync(join(folder, 'root-'))
  const group = join(at, 'sys/fs/cgroup/kubepods/pod1')
  mkdirSync(group, { recursive: true })
  mkdirSync(join(at, 'proc/self'), { recursive: true })
  writeFileSync(join(at, 'proc/self/cgroup'), '0::/kubepods/pod1\n')
  writeFileSync(join(group, 'cpu.max'), `${limits}\n`)
  return at
}

const first = () => /Cpus_allowed_list:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]

const SETTINGS = {
  1: {
    cpu: () => ({ 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '100000' }),
    cpuset: () => ({ 'cpuset.cpus': first(), 'cpuset.mems': '0' }),
  },
  2: { cpu: () => ({ 'cpu.max': '100000 100000' }), cpuset: () => ({ 'cpuset.cpus': first() }) },
}

/**
 * A new group with one processor's worth of the controller; undefined where none can be made. `wrap` is a command that puts the
 * rest of the line into it.
 *
 * @param {'cpu' | 'cpuset'} controller
 */
export function controlGroup(controller) {
  for (const [version, parent] of [
    [1, join('/sys/fs/cgroup', controller)],
    [2, '/sys/fs/cgroup'],
  ]) {
    const folder = join(parent, `langevin-${process.pid}`)
    try {
      mkdirSync(folder)
    } catch {
      continue
    }
    const remove = () => rmdirSync(folder)
    try {
      for (const [name, value] of Object.entries(SETTINGS[version][controller]()))
        writeFileSync(join(folder, name), value)
      return { wrap: ['sh', '-c', `echo $$ > ${folder}/cgroup.procs && exec "$@"`, 'sh'], cpus: first(), remove }
    } catch {
      try {
        remove()
      } catch {}
    }
  }
  return undefined
}
