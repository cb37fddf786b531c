/** What the figures were measured on, and what else ran there. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'

const FLAGS = [
  'sse4_2',
  'avx',
  'avx2',
  'fma',
  'avx512f',
  'avx512bw',
  'avx512vl',
  'avx512_vnni',
  'avx512_bf16',
  'amx_bf16',
]
const TICKS = 100 // per second: USER_HZ, the same on every Linux that Node.js runs on

const read = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Cores this process may use, in order. */
export function cores() {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status'))?.[1]
  if (list === undefined) return cpus().map((_, i) => i)
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

export function machine() {
  const info = read('/proc/cpuinfo')
  const has = new Set(/^flags\s*:\s*(.*)$/m.exec(info)?.[1]?.split(' '))
  return {
    cpu: cpus()[0].model.trim(),
    cores: cores().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    flags: FLAGS.filter((flag) => has.has(flag)),
    kernel: read('/proc/sys/kernel/osrelease').trim(),
  }
}

/** The commit that was measured; with '+' where the working tree differs from it. */
export function commit(root) {
  try {
    const git = (...args) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim()
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}

/** CPU time, in seconds, that all cores have spent on anything (a hypervisor's other guests included), and the wall clock. */
export function busyClock() {
  const [user, nice, system, , , irq, soft, steal] = read('/proc/stat').split('\n')[0].split(/\s+/).slice(1).map(Number)
  return { busy: (user + nice + system + irq + soft + steal) / TICKS, wall: performance.now() / 1000 }
}

/** CPU seconds of one process with all its threads. */
export function processSeconds(pid) {
  const fields = read(`/proc/${pid}/stat`)
  const after = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
  return (Number(after[11]) + Number(after[12])) / TICKS
}

/** How many cores were busy with something else than `own` seconds of ours between two clocks. */
export function foreignCores(before, after, own) {
  return Math.max(0, (after.busy - before.busy - own) / (after.wall - before.wall))
}

/** Cores that others keep busy right now, watched for a second. */
export async function foreignNow() {
  const before = busyClock()
  if (Number.isNaN(before.busy)) return loadavg()[0]
  const own = process.cpuUsage()
  await wait(1000)
  const { user, system } = process.cpuUsage(own)
  return foreignCores(before, busyClock(), (user + system) / 1e6)
}
