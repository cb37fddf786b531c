// Words on stderr (stdout stays free for the command that follows set-up), coded failures and child processes, whose
// output goes to a log file.
import { spawn } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import { SETUP } from './paths.mjs'

/** A set-up failure that says what went wrong and how to fix it. */
export class SetupError extends Error {
  /**
   * @param {string} message what failed
   * @param {string} remedy the command or change that fixes it
   * @param {string} [output] what the failed command wrote; its last lines are shown
   */
  constructor(message, remedy, output = '') {
    super(message)
    this.name = 'SetupError'
    this.remedy = remedy
    this.output = output
  }
}

const CLEAR = '\r\x1b[2K'
let drawn = false

/** @param {string} step @param {string} text */
export function say(step, text) {
  process.stderr.write(`${drawn ? CLEAR : ''}setup  ${step.padEnd(10)} ${text}\n`)
  drawn = false
}

/** Seconds as m:ss. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

/**
 * Says how far a step is: one line that is redrawn on a terminal, a line every 15 s elsewhere.
 *
 * @param {string} step
 * @param {(seconds: number) => string} describe the text after that many seconds
 * @returns {() => void} ends it
 */
export function showProgress(step, describe) {
  const began = Date.now()
  const terminal = process.stderr.isTTY
  const draw = () => {
    const text = describe((Date.now() - began) / 1000)
    if (!terminal) return say(step, text)
    process.stderr.write(`${CLEAR}setup  ${step.padEnd(10)} ${text}`)
    drawn = true
  }
  const timer = setInterval(draw, terminal ? 500 : 15_000)
  return () => {
    clearInterval(timer)
    if (drawn) process.stderr.write(CLEAR)
    drawn = false
  }
}

let log

/** Output of commands goes to this file from now on; it is written anew with the first command. @param {string} path */
export function logTo(path) {
  log = { path, begun: false }
}

/** The log file, when something was written to it. */
export function logFile() {
  return log?.begun ? log.path : undefined
}

function writeLog(text) {
  if (!log) return
  if (log.begun) appendFileSync(log.path, text)
  else writeFileSync(log.path, `${new Date().toISOString()}\n${text}`)
  log.begun = true
}

const children = new Set()

/** Ends what this script started, for Ctrl-C: each child leads a group, so that the compilers below it end too. */
export function stopChildren(signal) {
  for (const child of children) {
    try {
      process.kill(-child.pid, signal)
    } catch {
      // It has ended by itself.
    }
  }
}

/**
 * Runs a command; its output goes to the log file as it comes, and its last part is kept for the error text.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean, onLine?: (line: string) => void }} [options] quiet
 *   keeps the output out of the log; onLine sees every whole line
 * @returns {Promise<{ status: number, tail: string }>} status 127 when the command does not exist
 */
export function run(command, args, options = {}) {
  if (!options.quiet) writeLog(`\n$ ${[command, ...args].join(' ')}\n`)
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    if (child.pid) children.add(child)
    let tail = ''
    let line = ''
    const take = (chunk) => {
      const text = chunk.toString()
      tail = (tail + text).slice(-8000)
      if (!options.quiet) writeLog(text)
      const lines = (line + text).split('\n')
      line = lines.pop()
      if (options.onLine) for (const whole of lines) options.onLine(whole)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', (error) => {
      children.delete(child)
      resolve({ status: 127, tail: String(error.message) })
    })
    child.on('close', (status, signal) => {
      children.delete(child)
      resolve({ status: status ?? (signal === 'SIGINT' ? 130 : 143), tail })
    })
  })
}

/** Output of a short command, or undefined when it is missing or fails. @param {string} command @param {string[]} args */
export async function output(command, args, options = {}) {
  const { status, tail } = await run(command, args, { ...options, quiet: true })
  return status === 0 ? tail.trim() : undefined
}

/** Says what failed, the end of what the failed command wrote, where all of it is, and the fix. @param {Error} error */
export function explainFailure(error) {
  const known = error instanceof SetupError
  const last = known ? error.output.trim().split('\n').slice(-20) : []
  for (const line of last) if (line) process.stderr.write(`    ${line.slice(0, 400)}\n`)
  say('failed', known ? error.message : (error.stack ?? String(error)))
  if (logFile()) say('log', `everything the commands wrote is in ${logFile()}`)
  say(known ? 'fix' : 'retry', known ? error.remedy : SETUP)
}
