// Words on stderr (stdout stays free for the command that follows set-up), coded failures and child processes.
import { spawn } from 'node:child_process'

/** A set-up failure that says what went wrong and how to fix it. */
export class SetupError extends Error {
  /**
   * @param {string} message what failed
   * @param {string} remedy the command or change that fixes it
   */
  constructor(message, remedy) {
    super(message)
    this.name = 'SetupError'
    this.remedy = remedy
  }
}

/** @param {string} step @param {string} text */
export function say(step, text) {
  process.stderr.write(`setup  ${step.padEnd(10)} ${text}\n`)
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
 * Runs a command; its output goes to stderr as it comes, and its last lines are kept for the error text.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean }} [options] quiet keeps the output to itself
 * @returns {Promise<{ status: number, tail: string }>} status 127 when the command does not exist
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    if (child.pid) children.add(child)
    let tail = ''
    const take = (chunk) => {
      tail = (tail + chunk.toString()).slice(-8000)
      if (!options.quiet) process.stderr.write(chunk)
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
