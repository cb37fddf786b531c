/** The child's side of the protocol in lib/child.mjs. */
import { createInterface } from 'node:readline'

export const options = JSON.parse(process.argv[2] ?? '{}')
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

/** `measure` is called once for every line of the parent; `info` is what is known after the warm-up. */
export async function serve(measure, info = {}) {
  say({ ready: true, ...info })
  for await (const _ of createInterface({ input: process.stdin })) say(await measure())
}

/** Runs the warm-up; an option or a combination this build does not know ends the trial with a word instead of an error. */
export async function orUnsupported(warmUp) {
  try {
    return await warmUp()
  } catch (error) {
    if (!['ERR_LANGEVIN_INVALID_OPTION', 'ERR_LANGEVIN_UNSUPPORTED'].includes(error.code)) throw error
    say({ unsupported: error.message })
    process.exit(0)
  }
}
