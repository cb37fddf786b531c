// Scripts in processes of their own, and how those ended.
import { spawn } from 'node:child_process'

export const dist = new URL('../../../dist/', import.meta.url)

/** What every script may use. `endless` is a sampling run that only an abort, or the end of the process, can stop. */
export const PRELUDE = `
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker, isMainThread, parentPort, threadId } from 'node:worker_threads'
import * as langevin from ${JSON.stringify(new URL('index.js', dist).href)}
const { data, detectors, Energy, energies, LangevinError, memoryStats, objectives, ood, sample, samplers, tensor, threads, train, versions } = langevin
const makeModel = (hidden = [16]) => Energy.create(energies.mlp({ input: 2, hidden }), { seed: 1 })
const endless = (model, options = {}) =>
  sample(model, { sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }), chains: 64, threads: 1, ...options })
const firstProgress = async (run) => { for await (const event of run) if (event.type === 'progress') return event }
const say = (value) => console.log(JSON.stringify(value))
`

/**
 * Runs a module in a process of its own.
 *
 * @param {string} script PRELUDE comes before it
 * @param {{ deadline?: number, signals?: { signal: string, afterMs?: number }[], args?: string[], env?: object, cwd?: string,
 *   wrap?: string[], onReady?: (child: object) => void }} [options] deadline in seconds, after which it is killed and `hung`;
 *   signals are sent one after the other once it has printed "ready"; wrap: a command before node, such as taskset
 */
export function inProcess(script, options = {}) {
  const { deadline = 120, signals = [], args = [], env = {}, cwd, wrap = [], onReady } = options
  const [program, ...rest] = [...wrap, process.execPath, ...args, '--input-type=module', '-e', PRELUDE + script]
  const began = performance.now()
  const child = spawn(program, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  let [ready, hung] = [false, false]
  const sendAll = async () => {
    for (const { signal, afterMs = 0 } of signals) {
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      child.kill(signal)
    }
  }
  child.stdout.on('data', (text) => {
    stdout += text
    if (ready || !stdout.includes('ready')) return
    ready = true
    onReady?.(child)
    void sendAll()
  })
  child.stderr.on('data', (text) => {
    stderr = (stderr + text).slice(-8000)
  })
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, deadline * 1000)
    const end = (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr, hung, seconds: (performance.now() - began) / 1000 })
    }
    child.on('error', (error) => {
      stderr += error.message
      end(-1, null)
    })
    child.on('close', end)
  })
}

/** "code 0", "SIGSEGV", "hung": how a process ended. */
export const endOf = ({ code, signal, hung }) => (hung ? 'hung' : (signal ?? `code ${code}`))

/** The lines of JSON that a script said. */
export const saidBy = ({ stdout }) =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{') || line.startsWith('['))
    .map((line) => JSON.parse(line))

/** The last line of JSON of a script that must have ended well. @throws Error with how it ended */
export function answerOf(outcome) {
  const last = saidBy(outcome).at(-1)
  if (outcome.code !== 0 || last === undefined)
    throw new Error(`the script ended with ${endOf(outcome)}: ${outcome.stderr.slice(-1500)}`)
  return last
}

/** Numbers in [0, 1) by a seed (mulberry32): random moments and bytes that can be had again. */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
