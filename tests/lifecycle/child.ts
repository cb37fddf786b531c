/** Runs a script in a Node process of its own, for tests of how a process ends. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const dist = new URL('../../dist/index.js', import.meta.url)

/** What a child process came to. */
export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  /** The last 8,000 characters. */
  stderr: string
  seconds: number
}

interface Shared {
  PRELUDE: string
  inProcess(
    script: string,
    options: {
      deadline: number
      signals: { signal: NodeJS.Signals }[]
      args: string[]
      env: NodeJS.ProcessEnv | undefined
    },
  ): Promise<Outcome & { hung: boolean }>
}

// The reliability command runs the same processes, more of them.
const shared = (await import(new URL('../../scripts/reliability/lib/child.mjs', import.meta.url).href)) as Shared

/**
 * What every script begins with: the package, a small model, and a sampling run of hours that only an abort, or the end of the
 * process, can stop.
 */
export const { PRELUDE } = shared

/**
 * Runs a script (a module; see PRELUDE for what it may use) in a Node process of its own.
 *
 * @param waitingFor what the process does when the deadline finds it: the error says so
 * @param env variables of its environment beside those of this process
 * @param kill sends a signal once the script has printed 'ready'
 */
export async function inProcess(
  script: string,
  options: { waitingFor: string; deadline?: number; kill?: NodeJS.Signals; args?: string[]; env?: NodeJS.ProcessEnv },
): Promise<Outcome> {
  const { waitingFor, deadline = 100, kill, args = [], env } = options
  if (!existsSync(fileURLToPath(dist))) throw new Error('dist/ is missing: npm run build:ts')
  const { hung, ...outcome } = await shared.inProcess(script, {
    deadline,
    signals: kill ? [{ signal: kill }] : [],
    args,
    env,
  })
  if (!hung) return outcome
  const { stdout, stderr } = outcome
  throw new Error(`hung for ${deadline} s: ${waitingFor}\nstdout: ${stdout}\nstderr: ${stderr}`)
}
