// Long work in a process of its own that tells how it goes on and gives one result.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Runs a file of scripts/reliability/children.
 *
 * @param {string} file its name; it sends { said } and, at the end, { result }
 * @param {unknown[]} args
 * @param {{ deadline: number, say?: (text: string) => void, env?: object, execArgv?: string[] }} options deadline in seconds
 * @throws Error when it ends without a result, or not in time
 */
export function forked(file, args, { deadline, say = () => {}, env = {}, execArgv = [] }) {
  const path = fileURLToPath(new URL(`../children/${file}`, import.meta.url))
  const child = fork(path, args.map(String), {
    execArgv: ['--expose-gc', ...execArgv],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  let result
  let errors = ''
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-3000)
  })
  child.on('message', (message) => {
    if (message.said !== undefined) say(message.said)
    if (message.result !== undefined) result = message.result
  })
  return new Promise((resolve, reject) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, deadline * 1000)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (late) reject(new Error(`${file} had not ended after ${deadline} s: ${errors}`))
      else if (code !== 0 || result === undefined)
        reject(new Error(`${file} ended with ${signal ?? `code ${code}`}: ${errors}`))
      else resolve(result)
    })
  })
}
