/** The child's side of the protocol in lib/child.mjs. */
import { createInterface } from 'node:readline'

export const options = JSON.parse(process.argv[2] ?? '{}')
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

/** `measure` is called once for every line of the parent; `info` is what is known after the warm-up. */
export async function serve(measure, info = {}) {
  say({ ready: true, ...info })
  for await (const _ of createInterface({ input: process.stdin })) say(await measure())
}

const NOT_HERE = ['ERR_LANGEVIN_INVALID_OPTION', 'ERR_LANGEVIN_UNSUPPORTED']

/** Runs the warm-up; an option or a combination this build does not know ends the trial with a word instead of an error. */
export async function orUnsupported(warmUp) {
  try {
    return await warmUp()
  } catch (error) {
    if (!NOT_HERE.includes(error.code)) throw error
    say({ unsupported: error.message })
    process.exit(0)
  }
}

/**
 * A process that stays for all rows of a case: a line with a row's options prepares it, a line 'go' measures it.
 * `prepare(options)` gives `measure`, `info`, what is known after the warm-up, and `end`, which frees the row.
 */
export async function serveRows(prepare) {
  say({ ready: true })
  let row
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'go') {
      say(await row.measure())
      continue
    }
    row?.end()
    row = undefined
    try {
      row = await prepare(JSON.parse(line))
      say({ ready: true, ...row.info })
    } catch (error) {
      if (!NOT_HERE.includes(error.code)) throw error
      say({ unsupported: error.message })
    }
  }
}

/** How many steps take about so many seconds, after a first run that warms up; run(count) gives the seconds it took. */
export async function calibrated(run, seconds, least = 4) {
  await run(least)
  for (let count = least; ; ) {
    const took = await run(count)
    if (took >= seconds / 2) return Math.max(least, Math.round((count * seconds) / took))
    count = Math.min(10 * count, Math.round((count * seconds) / took) + 1)
  }
}
