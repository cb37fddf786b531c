// Gives one reader many inputs, damaged or made up, and counts what comes of them. argv: TARGET COUNT SEED SECONDS: it stops at
// COUNT inputs or after SECONDS. Input n of a seed is the same every time.
import { writeSync } from 'node:fs'
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { LangevinError, tensor } from '../../../dist/index.js'
import { targets } from '../fuzz/targets.mjs'
import { randomFrom } from '../lib/child.mjs'

const [name, count, seed, seconds] = [process.argv[2], ...process.argv.slice(3).map(Number)]
/** An input that keeps the process busy for so long hangs: the watch says which and ends the process. */
const HANG_SECONDS = 30

const shared = new Int32Array(new SharedArrayBuffer(4))
const WATCH = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
let [seen, since] = [-1, Date.now()]
setInterval(() => {
  const now = Atomics.load(workerData, 0)
  if (now !== seen) [seen, since] = [now, Date.now()]
  else if (Date.now() - since > ${HANG_SECONDS * 1000}) {
    writeSync(2, 'hung at input ' + now + ' of seed ${seed}')
    process.kill(process.pid, 'SIGKILL')
  }
}, 500)`
const watch = new Worker(WATCH, { eval: true, workerData: shared })
watch.unref()

const target = await targets[name]()
const problems = new Map()
const codes = {}
/** Inputs that took longest, the worst first. */
let slow = []
let accepted = 0
const inputOf = (n) => target.make(randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b)))

/** Where an error was thrown, without paths: one problem counts once. */
function signatureOf(error) {
  const stack = String(error?.stack ?? error)
  const places = [...stack.matchAll(/at .*?(?:dist\/[\w/.-]+\.js:\d+|node:[\w/]+:\d+)/g)]
    .slice(0, 3)
    .map(([text]) => text.replace(/\(?file:.*?dist/, 'dist'))
  return `${error?.name}: ${String(error?.message).replaceAll(/\d+/g, 'N').slice(0, 120)} ${places.join(' < ')}`
}

function note(n, error) {
  const key = signatureOf(error)
  const known = problems.get(key)
  if (known) known.count++
  else problems.set(key, { count: 1, input: n, stack: String(error?.stack ?? error).slice(0, 1500) })
}

/** What is in the prototypes that everything inherits from. */
const prototypes = () =>
  [Object, Array, Function, String, Map].map(({ prototype }) => Reflect.ownKeys(prototype).length).join()
const untouched = prototypes()
const rssMiB = () => process.memoryUsage.rss() / 2 ** 20

// What is loaded at the first call is not the time of an input.
tensor([1]).dispose()
for (let k = 0; k < (target.warmUp ?? 200); k++)
  await Promise.resolve(target.read(target.make(randomFrom(k)))).catch(() => undefined)
Error.stackTraceLimit = 5

process.on('uncaughtException', (error) => note(-1, error))
let [begun, n] = [performance.now(), 0]
let rssAfterWarmup
for (; n < count && performance.now() - begun < seconds * 1000; n++) {
  Atomics.store(shared, 0, n)
  const input = inputOf(n)
  const at = performance.now()
  try {
    const code = await target.read(input)
    if (code === undefined) accepted++
    else codes[code] = (codes[code] ?? 0) + 1
  } catch (error) {
    if (LangevinError.is(error) && error.code !== 'ERR_LANGEVIN_INTERNAL')
      codes[error.code] = (codes[error.code] ?? 0) + 1
    else note(n, error)
  }
  const took = (performance.now() - at) / 1000
  if (took > (slow.at(-1)?.seconds ?? 0))
    slow = [...slow, { seconds: took, input: n }].sort((a, b) => b.seconds - a.seconds).slice(0, 5)
  if (n === 2000) rssAfterWarmup = rssMiB()
  if (n % 50_000 === 49_999) process.send?.({ said: `${name}: ${n + 1} inputs, ${problems.size} problems` })
}
// Where others use the machine, one that took long once may have waited: the least of several times is the input's own.
for (const each of slow) {
  Atomics.store(shared, 0, -2 - each.input)
  for (let k = 0; k < 3 && each.seconds > 0.1; k++) {
    const input = inputOf(each.input)
    const at = performance.now()
    await Promise.resolve(target.read(input)).catch(() => undefined)
    each.seconds = Math.min(each.seconds, (performance.now() - at) / 1000)
  }
}
slow.sort((a, b) => b.seconds - a.seconds)
if (prototypes() !== untouched || {}.polluted !== undefined) note(-1, new Error('a prototype has been changed'))
const result = {
  inputs: n,
  seconds: (performance.now() - begun) / 1000,
  accepted,
  codes,
  problems: [...problems].map(([signature, each]) => ({ signature, ...each })).sort((a, b) => b.count - a.count),
  slowest: { input: slow[0].input, seconds: Number(slow[0].seconds.toFixed(3)) },
  rssMiB: {
    warm: Math.round(rssAfterWarmup ?? rssMiB()),
    end: Math.round(rssMiB()),
    most: Math.round(process.resourceUsage().maxRSS / 1024),
  },
}
await target.close?.()
if (process.send) process.send({ result }, () => process.exit(0))
else {
  writeSync(1, `${JSON.stringify(result, null, 1)}\n`)
  process.exit(0)
}
