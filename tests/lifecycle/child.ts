/** Runs a script in a Node process of its own, for tests of how a process ends. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const dist = new URL('../../dist/index.js', import.meta.url)

/** What a child process came to. */
export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  seconds: number
}

/**
 * What every script begins with: the package, rows, a small model, and a sampling run of hours that only an abort, or the
 * end of the process, can stop.
 */
export const PRELUDE = `
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker, isMainThread, parentPort, threadId } from 'node:worker_threads'
import * as langevin from ${JSON.stringify(dist.href)}
const { Energy, energies, memoryStats, objectives, sample, samplers, tensor, train } = langevin
const makeModel = () => Energy.create(energies.mlp({ input: 2, hidden: [16] }), { seed: 1 })
const endless = (model, options = {}) =>
  sample(model, { sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }), chains: 64, threads: 1, ...options })
const firstProgress = async (run) => { for await (const event of run) if (event.type === 'progress') return event }
`

/**
 * Runs a script (a module; see PRELUDE for what it may use) in a Node process of its own.
 *
 * @param waitingFor what the process does when the deadline finds it: the error says so
 * @param env variables of its environment beside those of this process
 * @param kill sends a signal once the script has printed 'ready'
 */
export function inProcess(
  script: string,
  options: { waitingFor: string; deadline?: number; kill?: NodeJS.Signals; args?: string[]; env?: NodeJS.ProcessEnv },
): Promise<Outcome> {
  const { waitingFor, deadline = 100, kill, args = [], env } = options
  if (!existsSync(fileURLToPath(dist))) throw new Error('dist/ is missing: npm run build:ts')
  const began = performance.now()
  const child = spawn(process.execPath, [...args, '--input-type=module', '-e', PRELUDE + script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stdout = ''
  let stderr = ''
  let sent = false
  child.stdout.on('data', (text: Buffer) => {
    stdout += text
    if (kill && !sent && stdout.includes('ready')) {
      sent = true
      child.kill(kill)
    }
  })
  child.stderr.on('data', (text: Buffer) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`hung for ${deadline} s: ${waitingFor}\nstdout: ${stdout}\nstderr: ${stderr}`))
    }, deadline * 1000)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr, seconds: (performance.now() - began) / 1000 })
    })
  })
}
