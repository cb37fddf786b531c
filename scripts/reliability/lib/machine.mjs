// What this machine lets a part do.
import { spawnSync } from 'node:child_process'

const works = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0

/** Whether a program can be started. */
export const has = (program, ...args) =>
  spawnSync(program, args.length > 0 ? args : ['--version'], { stdio: 'ignore' }).error === undefined

let mounts
/** Whether this user may mount in a namespace of its own. */
export function canMount() {
  mounts ??= process.getuid() === 0 && works('unshare', '-m', 'true')
  return mounts
}

/** A command that makes the rest of the line run as nobody; undefined where that is impossible, or nobody is root. */
export const UNPRIVILEGED =
  process.getuid() === 0 && works('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'true')
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    : undefined
