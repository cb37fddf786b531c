// A served model under load on loopback, alone and beside a training run; the same server with a constant for the model, and with
// onnxruntime; overload.
import { setTimeout as sleep } from 'node:timers/promises'
import { cannonade, startServing } from '../lib/load.mjs'

const CONNECTIONS = 8
/** autocannon sends what a second is to have as fast as it can: latencies are those of so many clients that never wait. */
const PATIENT = 4
const RATIO = 0.7
const P99 = { alone: 20, training: 60 }
const LOOP_P99 = 10
const WAYS = { json: 'POST /score (JSON)', binary: 'v2 infer (binary)' }
/** Of the rate that the server answers at most: what its clients must not ask to be answered in time. */
const BELOW = 0.7

async function loaded(serving, options) {
  const server = await startServing(serving)
  try {
    // Code that V8 has seen often enough, and pages that have been touched.
    await cannonade({ ...options, url: server.url, seconds: Math.min(5, options.seconds), rate: undefined })
    server.measure()
    const result = await cannonade({ ...options, url: server.url })
    return { ...result, ...(await server.told()) }
  } finally {
    await server.end()
  }
}

const rounded = ({ perSecond, p50, p99, max, loopP99, rssMiB }) =>
  Object.fromEntries(
    Object.entries({ perSecond, p50, p99, max, loopP99, rssMiB }).map(([key, value]) => [
      key,
      Number(value.toFixed(1)),
    ]),
  )

function answersHeld(figures, name, { answered, right, wrong, statuses, errors, timeouts }) {
  const others = Object.entries(statuses).filter(([status]) => status !== '200')
  figures.held(`${name}: answers`, answered, {
    limit: 'each right, none lost',
    ok: wrong === 0 && right === answered && errors === 0 && timeouts === 0 && others.length === 0,
    note: `${wrong} wrong, ${errors} errors, ${timeouts} timeouts${others.length > 0 ? `, ${JSON.stringify(Object.fromEntries(others))}` : ''}`,
  })
}

const of = (way, { mode, training, seconds, connections, rate }) =>
  loaded({ mode, training }, { way, connections, seconds, rate, check: mode !== 'constant' })
// Of a machine that others use as well, this says more than the wall clock does.
const cpu = ({ cpuSeconds, answered }) => (1000 * cpuSeconds) / answered

/** Requests per second with the model, with a constant and with onnxruntime in its place, in turns. */
async function throughput({ figures, say }, way, name, seconds) {
  const turns = { model: [], constant: [], onnx: [] }
  for (let turn = 0; turn < 2; turn++) {
    for (const mode of Object.keys(turns)) {
      const result = await of(way, { mode, seconds: seconds / 2, connections: CONNECTIONS })
      say(`${name}, ${mode}: ${JSON.stringify(rounded(result))}`)
      turns[mode].push(result)
    }
  }
  const best = (mode) => turns[mode].reduce((a, b) => (a.perSecond > b.perSecond ? a : b))
  const [model, constant, onnx] = ['model', 'constant', 'onnx'].map(best)
  for (const each of turns.model) answersHeld(figures, name, each)
  const compare = (other, words, least) => {
    const ratio = model.perSecond / other.perSecond
    figures.held(`${name}: requests/s beside ${words}`, ratio, {
      limit: `at least ${least}`,
      ok: ratio >= least,
      timing: true,
      note: `${model.perSecond.toFixed(0)}/s and ${other.perSecond.toFixed(0)}/s (p99 ${model.p99} and ${other.p99} ms), 8 rows of 784-256-256-1, the better of two turns`,
    })
    figures.seen(`${name}: CPU time of a request, ${words} beside the model`, cpu(other) / cpu(model), {
      note: `${cpu(other).toFixed(2)} ms and ${cpu(model).toFixed(2)} ms, all threads of the server`,
    })
  }
  compare(constant, 'a constant in place of the model', RATIO)
  compare(onnx, 'onnxruntime-node in its place', 1)
  return model.perSecond
}

/** p99 at a rate below the most, alone and beside a training run. */
async function latency({ figures }, way, name, seconds, perSecond) {
  for (const [beside, training] of [
    ['alone', false],
    ['training', true],
  ]) {
    const rate = Math.max(1, Math.floor(perSecond * BELOW * (training ? 0.7 : 1)))
    const result = await of(way, { mode: 'model', training, seconds, rate, connections: PATIENT })
    const place = training ? 'beside a training run' : 'alone'
    answersHeld(figures, `${name}, ${place}`, result)
    const note = `${result.perSecond.toFixed(0)}/s; ${JSON.stringify(rounded(result))}`
    figures.held(`${name}, ${place}: p99`, result.p99, {
      unit: 'ms',
      limit: `${P99[beside]} ms`,
      ok: result.p99 < P99[beside],
      timing: true,
      note,
    })
    figures.held(`${name}, ${place}: event loop p99`, result.loopP99, {
      unit: 'ms',
      limit: `${LOOP_P99} ms`,
      ok: result.loopP99 < LOOP_P99,
      timing: true,
    })
  }
}

/** Five times what it can do: refusals, bounded memory, and soon as before. */
async function overload({ figures, say }, perSecond, seconds) {
  const server = await startServing({ mode: 'model', maxQueue: 32 })
  const options = { url: server.url, way: 'binary', connections: CONNECTIONS }
  try {
    await cannonade({ ...options, seconds: Math.min(5, seconds) })
    const { rssMiB: before } = await server.told()
    server.measure()
    // More connections than may wait, each with a request at all times.
    const crowd = await cannonade({ ...options, connections: 400, seconds, rate: Math.ceil(5 * perSecond) })
    const { peakMiB } = await server.told()
    say(`overload: ${JSON.stringify(crowd.statuses)}`)
    await sleep(2000)
    const after = await cannonade({ ...options, connections: 2, seconds: Math.min(5, seconds) })
    const refused = crowd.statuses[503] ?? 0
    figures.held('overload: 503 answers', refused, {
      limit: 'some; the others right, none lost',
      ok: refused > 0 && crowd.wrong === 0 && crowd.answered > 0 && crowd.errors === 0 && crowd.timeouts === 0,
      note: `${JSON.stringify(crowd.statuses)}, asked for ${Math.ceil(5 * perSecond)}/s over 400 connections, 32 may wait`,
    })
    figures.held('overload: RSS at its most', peakMiB, {
      unit: 'MiB',
      limit: `${(before + 300).toFixed(0)} MiB: 400 bodies as bytes and as numbers`,
      ok: peakMiB <= before + 300,
      note: `${before.toFixed(0)} MiB before`,
    })
    figures.held('2 s after the overload', after.statuses, {
      limit: 'every request answered',
      ok: Object.keys(after.statuses).join() === '200' && after.wrong === 0 && after.errors === 0,
      note: `p99 ${after.p99} ms`,
    })
  } finally {
    await server.end()
  }
}

export async function run(context) {
  // Quick: half a minute of load altogether. Full: ten minutes.
  const seconds = context.quick ? 2 : 55
  let perSecond = 0
  for (const [way, name] of Object.entries(WAYS)) {
    perSecond = await throughput(context, way, name, seconds)
    await latency(context, way, name, seconds, perSecond)
  }
  await overload(context, perSecond, context.quick ? 3 : 60)
}
