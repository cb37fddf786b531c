/**
 * A contender in a process of its own, pinned to as many cores as it has threads. Protocol, one line of JSON each: the child
 * prints { ready: true, ... } after its warm-up (or { unsupported: why }), then answers every line on its standard input with
 * one measurement { value, ... }, and ends when the input does. A child that stays for all rows of a case answers a line with the
 * options of a row, too, as it does after its warm-up; "go" measures the row it was given last.
 */
import { spawn, spawnSync } from 'node:child_process'
import { loadavg } from 'node:os'
import { createInterface } from 'node:readline'
import { busyClock, cores, foreignCores, processSeconds } from './machine.mjs'

const taskset = spawnSync('taskset', ['--version']).status === 0

/** The command as it is started: on the first `threads` cores this process may use. */
export function pinned(command, threads, allowed = cores()) {
  if (threads === undefined) return command // a case about the whole machine
  return taskset ? ['taskset', '-c', allowed.slice(0, threads).join(','), ...command] : command
}

export class Child {
  #process
  #lines
  #errors = ''
  #ended
  #born = performance.now()

  constructor(command, options, environment, threads) {
    const [program, ...args] = pinned([...command, JSON.stringify(options)], threads)
    this.#process = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.stdin.on('error', () => {}) // a child that died is reported by the missing answer
    this.#process.stderr.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-4000)
    })
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
    this.#ended = new Promise((done) => {
      this.#process.once('close', done)
      this.#process.once('error', (error) => {
        this.#errors += error.message
        done()
      })
    })
  }

  /** Milliseconds since the process was started. */
  get age() {
    return performance.now() - this.#born
  }

  get pid() {
    return this.#process.pid
  }

  /** The next line of the child that is JSON; other output is skipped. */
  async answer() {
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) {
        await this.#ended
        throw new Error(this.#errors.trim() || 'ended without an answer')
      }
      if (value.startsWith('{')) return JSON.parse(value)
    }
  }

  /** Makes a resident child ready for a row: what it says of it. */
  async prepare(options) {
    this.#process.stdin.write(`${JSON.stringify(options)}\n`)
    return await this.answer()
  }

  /** One measurement, with what the rest of the machine did meanwhile. */
  async measure() {
    const own = processSeconds(this.pid)
    const [before, load] = [busyClock(), loadavg()[0]]
    this.#process.stdin.write('go\n')
    const result = await this.answer()
    const used = processSeconds(this.pid) - own
    return { ...result, load: [load, loadavg()[0]], foreign: foreignCores(before, busyClock(), used) }
  }

  async end() {
    this.#process.stdin.end()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000)
    await this.#ended
    clearTimeout(timer)
  }
}

/** A process that takes `share` of the last core we may use, until the returned function is called. */
export function neighbourOf({ script, share }) {
  const core = cores().at(-1)
  const [program, ...args] = pinned([process.execPath, script, JSON.stringify({ share })], 1, [core])
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] })
  return () => child.kill('SIGKILL')
}
