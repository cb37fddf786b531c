// One set-up at a time in a project. The lock names its owner, so one that a killed process left behind is recognised.
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupError, say } from './console.mjs'
import { SETUP } from './paths.mjs'

/** When the process with this id started, in clock ticks since boot; undefined when there is no such process. */
function startedAt(pid) {
  try {
    // The second field, the command's name, may hold spaces and brackets: count from its last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function tryCreate(path) {
  let file
  try {
    file = openSync(path, 'wx')
  } catch (error) {
    if (error.code === 'EEXIST') return false
    const remedy = `make ${dirname(path)} writable, or: LANGEVIN_CACHE=/a/folder/of/yours ${SETUP}`
    throw new SetupError(`${dirname(path)} cannot be written to: ${error.code}`, remedy)
  }
  writeSync(file, JSON.stringify({ pid: process.pid, started: startedAt(process.pid), host: hostname() }))
  closeSync(file)
  return true
}

function readOwner(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** A process id alone may have been given to somebody else since: the start time tells. */
function isStale(owner) {
  return owner.host === hostname() && startedAt(owner.pid) !== owner.started
}

/** Renames before removing: of two processes that both see a stale lock only one gets the file. */
function removeStale(path) {
  const aside = `${path}.stale-${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const owner = readOwner(aside)
  if (owner && !isStale(owner)) renameSync(aside, path)
  else rmSync(aside, { force: true })
}

/**
 * Takes the lock, waiting for a live owner.
 *
 * @param {string} path the lock file
 * @param {{ patience?: number, poll?: number, signal?: AbortSignal }} [options] patience and poll in milliseconds
 *   (defaults 45 min, 500 ms); signal ends the waiting
 * @returns {Promise<() => void>} releases the lock
 * @throws {SetupError} when another set-up still holds it after `patience`
 */
export async function takeLock(path, { patience = 45 * 60_000, poll = 500, signal } = {}) {
  mkdirSync(dirname(path), { recursive: true })
  const deadline = Date.now() + patience
  let unreadable = 0
  let told = false
  while (!tryCreate(path)) {
    const owner = readOwner(path)
    // An empty file is a lock between its creation and its first write; one that stays empty belongs to nobody.
    unreadable = owner ? 0 : unreadable + 1
    if ((owner && isStale(owner)) || unreadable > 4) {
      say('lock', `${path} was left behind by process ${owner?.pid ?? 'unknown'}, which is gone: taking over`)
      removeStale(path)
      continue
    }
    if (Date.now() >= deadline) {
      throw new SetupError(
        `another set-up (process ${owner?.pid} on ${owner?.host}) holds ${path}`,
        `wait for it, or remove ${path} when that process is gone`,
      )
    }
    if (!told && owner) say('lock', `another set-up (process ${owner.pid} on ${owner.host}) is running: waiting for it`)
    told = told || owner !== undefined
    await sleep(poll, undefined, { signal })
  }
  return () => rmSync(path, { force: true })
}
