/** Which process trains a run, and whether it is still there. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly host: string
  readonly pid: number
  /** When it started, in clock ticks since the machine did; null where the system does not say. */
  readonly started: number | null
}

/** Field 22 of /proc/<pid>/stat; the name before it may hold spaces and parentheses. */
function startOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return null
  }
}

/** This process. */
export const thisProcess = (): ProcessIdentity => ({
  host: hostname(),
  pid: process.pid,
  started: startOf(process.pid),
})

/** Whether a process lives; undefined for one of another machine, which cannot be seen from here. */
export function lives({ host, pid, started }: ProcessIdentity): boolean | undefined {
  if (host !== hostname()) return undefined
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: there is one, of another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  // It is there; what cannot be read of it (too many open files) does not make it another.
  const found = startOf(pid)
  return started === null || found === null || found === started
}
