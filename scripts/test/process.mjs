// Runs a command and keeps what it wrote.
import { spawn } from 'node:child_process'

/**
 * Runs a command, passing its output through, and returns what it wrote.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, quiet?: boolean }} options quiet: nothing is passed through
 * @returns {Promise<{ status: number, text: string }>} status 127 when the command does not exist
 */
export function capture(command, args, { cwd, env = process.env, quiet = false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    const take = (stream) => (chunk) => {
      text += chunk.toString()
      if (!quiet) stream.write(chunk)
    }
    child.stdout.on('data', take(process.stdout))
    child.stderr.on('data', take(process.stderr))
    child.on('error', (error) => resolve({ status: 127, text: error.message }))
    child.on('close', (status) => resolve({ status: status ?? 1, text }))
  })
}
