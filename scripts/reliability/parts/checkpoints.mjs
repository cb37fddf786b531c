// SIGKILL while checkpoints are written, and places that cannot be written to.
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkpointsOf } from '../../../dist/runs/checkpoints.js'
import { randomFrom } from '../lib/child.mjs'
import { scratch } from '../lib/scratch.mjs'
import { places } from './checkpoints-places.mjs'

const TRAIN = fileURLToPath(new URL('../children/train-on.mjs', import.meta.url))
const hash = (path) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** The checkpoints of a run that nobody kills, by step. */
async function reference(folder, steps) {
  mkdirSync(join(folder, 'checkpoints'), { recursive: true })
  const known = new Map()
  const child = fork(TRAIN, [folder, steps])
  // Hashed as they come: all of them together would fill the folder.
  child.on('message', ({ step }) => {
    const path = join(folder, 'checkpoints', `step-${step}.safetensors`)
    known.set(step, hash(path))
    if (step < steps) rmSync(path)
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`training ended with code ${code}`)
  return known
}

/** One process that is killed: in the middle of a write where `write`, else at any time. */
async function killed(folder, steps, { afterMs, write }) {
  const child = fork(TRAIN, [folder, steps])
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
  await new Promise((resolve) => {
    child.once('message', resolve)
    child.once('close', resolve)
  })
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  if (write) {
    await new Promise((resolve) => {
      const watcher = watch(join(folder, 'checkpoints'), (_, name) => {
        if (!name?.endsWith('.tmp')) return
        watcher.close()
        resolve()
      })
      child.once('close', resolve)
    })
  }
  child.kill('SIGKILL')
  return ended
}

/** Keeps the newest whole checkpoint, and takes away what the kill left. */
function tidy(folder, keep) {
  const place = join(folder, 'checkpoints')
  for (const name of readdirSync(place)) if (join(place, name) !== keep) rmSync(join(place, name))
}

async function kills({ quick, figures, say }) {
  const [rounds, steps] = quick ? [4, 60] : [100, 800]
  const folder = scratch('kills', { disk: true })
  const known = await reference(scratch('reference'), steps)
  mkdirSync(join(folder, 'checkpoints'))
  const random = randomFrom(7)
  const found = { midWrite: 0, broken: 0, wrong: 0, none: 0, finished: 0 }
  for (let i = 0; i < rounds; i++) {
    const end = await killed(folder, steps, { afterMs: random() * (quick ? 50 : 200), write: i % 2 === 0 })
    if (end !== 'SIGKILL') found.finished++
    const { whole, broken } = await checkpointsOf(folder)
    // What an atomic write leaves has a name of its own; a checkpoint by name must be whole.
    if (broken.some(({ path }) => path.endsWith('.tmp'))) found.midWrite++
    found.broken += broken.filter(({ path }) => !path.endsWith('.tmp')).length
    const [newest] = whole
    if (newest === undefined) found.none++
    else if (hash(newest.path) !== known.get(newest.step)) found.wrong++
    const over = newest === undefined || newest.step >= steps - 20
    tidy(folder, over ? undefined : newest.path)
    if (i % 10 === 9) say(`${i + 1} kills: ${JSON.stringify(found)}, at step ${newest?.step}`)
  }
  const note = `${found.midWrite} in the middle of a write, ${found.finished} after the end`
  figures.held('SIGKILL while checkpoints are written', rounds, {
    limit: 'each leaves a whole newest checkpoint, none by name that is broken',
    ok: found.none === 0 && found.broken === 0,
    note,
  })
  figures.held('kills in the middle of a write', found.midWrite, { limit: 'some', ok: found.midWrite > 0 })
  figures.held('checkpoints after resuming that differ from the undisturbed run', found.wrong, {
    limit: '0: every byte',
    ok: found.wrong === 0,
    note: 'each process goes on from the checkpoint that the one before left',
  })
}

export async function run(context) {
  await kills(context)
  await places(context)
}
