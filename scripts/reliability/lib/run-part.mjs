// Runs a part in a process of its own and takes its figures as they come.
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { busyClock, foreignCores } from '../../bench/lib/machine.mjs'
import { judged } from './figures.mjs'

/** In the order in which they run: what is quick to fail first. */
export const PARTS = [
  'workers',
  'aborts',
  'determinism',
  'checkpoints',
  'containers',
  'libfuzzer',
  'fuzz',
  'loads',
  'memory',
  'soak',
]

const TICKS = 100 // per second: USER_HZ

/** CPU seconds of this process and of every descendant that has ended and been waited for. */
function treeSeconds() {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return [11, 12, 13, 14].reduce((sum, k) => sum + Number(fields[k]), 0) / TICKS
}

const say = (part, text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${part}: ${text}\n`)

/**
 * One part.
 *
 * @param {string} name one of PARTS
 * @param {{ quick: boolean }} options
 * @returns its figures; `problem` where it did not end by itself
 */
export async function runPart(name, { quick }) {
  const began = { clock: busyClock(), own: treeSeconds(), load: loadavg()[0] }
  const child = fork(fileURLToPath(new URL('./part.mjs', import.meta.url)), [name, ...(quick ? ['--quick'] : [])], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const figures = []
  let problem
  child.on('message', (message) => {
    if (message.said !== undefined) say(name, message.said)
    if (message.problem !== undefined) problem = message.problem
    if (message.figure === undefined) return
    figures.push(message.figure)
    const { name: what, value, unit = '', state, limit, note } = message.figure
    const text = typeof value === 'object' ? JSON.stringify(value) : value
    say(
      name,
      [`${state.toUpperCase()} ${what}: ${text ?? ''} ${unit}`, limit && `(limit: ${limit})`, note]
        .filter((each) => each)
        .join(' '),
    )
  })
  const { code, signal } = await new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  if (problem === undefined && (code !== 0 || signal !== null))
    problem = `the process ended with ${signal ?? `code ${code}`}`
  if (problem !== undefined) say(name, `FAILED: ${problem}`)
  const clock = busyClock()
  const foreign = foreignCores(began.clock, clock, treeSeconds() - began.own)
  return {
    part: name,
    seconds: Math.round(clock.wall - began.clock.wall),
    load: { before: began.load, after: loadavg()[0], foreignCores: Number(foreign.toFixed(2)) },
    ...(problem !== undefined && { problem }),
    figures: judged(figures, foreign),
  }
}
