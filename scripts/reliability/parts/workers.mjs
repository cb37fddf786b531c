// Worker threads that are terminated, loaded and unloaded, and the ways in which a process ends.
import { answerOf, endOf, inProcess, PRELUDE } from '../lib/child.mjs'

const WORKERS = `
const prelude = ${JSON.stringify(PRELUDE)}
const worker = (body) => new Worker(new URL('data:text/javascript,' + encodeURIComponent(prelude + 'await (' + body + ')()')))
const message = (w) => new Promise((resolve, reject) => { w.once('message', resolve); w.once('error', reject) })
const exit = (w) => new Promise((resolve) => w.once('exit', resolve))
const left = () => { const { jobsQueued, jobsRunning, tensors, energies: models } = memoryStats(); return { jobsQueued, jobsRunning, tensors, models } }
`
const NOTHING_LEFT = JSON.stringify({ jobsQueued: 0, jobsRunning: 0, tensors: 0, models: 0 })

const terminated = (rounds) => `${WORKERS}
const work = async () => {
  const model = await makeModel()
  const run = endless(model)
  globalThis.kept = [model, run, tensor([1, 2, 3])]
  void model.energy([[1, 2]]).catch(() => undefined)
  await firstProgress(run)
  parentPort.postMessage('running')
  for await (const event of run) void event
}
for (let i = 0; i < ${rounds}; i++) {
  const w = worker(work)
  const ended = exit(w)
  // Some die before their first job, most in the middle of it.
  if (i % 5 === 4) await sleep(i * 3)
  else await message(w)
  await w.terminate()
  await ended
}
const after = left()
const mine = await makeModel()
say({ left: after, rows: (await mine.energy([[0, 0]])).shape[0] })
`

const parallel = (calls) => `${WORKERS}
const work = async () => {
  const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: [1, 4] }))
  const numbers = []
  for (let i = 0; i < CALLS; i++) { const e = await model.energy([[i % 50, 1]]); numbers.push(...e.toArray()); e.dispose() }
  const run = sample(model, { sampler: samplers.langevin({ steps: 200, stepSize: 0.05 }), chains: 32, seed: 3 })
  const { samples } = await run.done
  parentPort.postMessage({ numbers, samples: Buffer.from(samples.toTypedArray().buffer).toString('hex') })
}
const four = [0, 1, 2, 3].map(() => worker(work.toString().replace('CALLS', ${calls})))
const exits = four.map(exit)
const results = await Promise.all(four.map(message))
const codes = await Promise.all(exits)
const exact = (numbers) => numbers.every((value, i) => value === ((i % 50) ** 2 + 4) / 2)
say({ codes, exact: results.every((r) => exact(r.numbers)), same: new Set(results.map((r) => r.samples)).size === 1, left: left() })
`

const loads = (rounds) => `${WORKERS}
const work = async () => {
  const model = await makeModel()
  const e = await model.energy([[1, 2]])
  parentPort.postMessage(e.toArray()[0])
}
const values = new Set()
const codes = new Set()
for (let i = 0; i < ${rounds}; i++) {
  const w = worker(work)
  const ended = exit(w)
  values.add(await message(w))
  codes.add(await ended)
}
say({ values: values.size, codes: [...codes], left: left() })
`

/** How a process ends in the middle of a run, and what it must end with. */
const ENDS = {
  normal: { end: 'run.abort(); await run.done.catch(() => undefined)', expected: 'code 0' },
  'process.exit': { end: 'process.exit(7)', expected: 'code 7' },
  'uncaught error': { end: "setTimeout(() => { throw new Error('mine') }); await run.done", expected: 'code 1' },
  SIGTERM: { end: "console.log('ready'); await run.done", signals: [{ signal: 'SIGTERM' }], expected: 'SIGTERM' },
  'SIGINT twice': {
    // As a program does that saves on the first Ctrl-C: it is still at it when the second one comes.
    end: `let count = 0
      process.on('SIGINT', () => { if (++count > 1) process.exit(130); controller.abort() })
      console.log('ready'); await run.done.catch(() => undefined); await sleep(60_000)`,
    signals: [{ signal: 'SIGINT' }, { signal: 'SIGINT', afterMs: 100 }],
    expected: 'code 130',
  },
}

async function ends({ quick, figures, say }, rounds) {
  for (const [name, { end, signals, expected }] of Object.entries(ENDS)) {
    // Each process costs a second: --quick takes one of the two.
    for (const dispose of quick ? [signals === undefined] : [true, false]) {
      const script = `
        const controller = new AbortController()
        const model = await makeModel()
        const kept = [tensor(new Float32Array(1000)), await model.energy([[1, 2]])]
        const run = endless(model, { signal: controller.signal })
        await firstProgress(run)
        ${dispose ? 'model.dispose(); for (const each of kept) each.dispose()' : 'globalThis.kept = [model, run, kept]'}
        ${end}`
      const found = []
      for (let i = 0; i < rounds; i++) {
        const outcome = await inProcess(script, { signals, deadline: 60 })
        found.push(endOf(outcome))
        if (found.at(-1) !== expected) say(outcome.stderr)
      }
      figures.held(`end: ${name}, ${dispose ? 'disposed' : 'not disposed'}`, [...new Set(found)].join(', '), {
        limit: expected,
        ok: found.every((each) => each === expected),
        note: `${rounds} processes`,
      })
    }
  }
}

export async function run(context) {
  const { quick, figures } = context
  const [terminations, reloads, calls, rounds] = quick ? [2, 2, 20, 1] : [30, 50, 2000, 5]
  const first = answerOf(await inProcess(terminated(terminations), { deadline: 280 }))
  figures.held('workers terminated in the middle of a job', terminations, {
    limit: 'nothing left, the process computes on',
    ok: JSON.stringify(first.left) === NOTHING_LEFT && first.rows === 1,
    note: JSON.stringify(first.left),
  })
  const four = answerOf(await inProcess(parallel(calls), { deadline: 280 }))
  figures.held('4 workers at the same time', `${calls} calls and a run each`, {
    limit: 'exact values, the same draws, nothing left',
    ok: four.exact && four.same && four.codes.every((code) => code === 0) && JSON.stringify(four.left) === NOTHING_LEFT,
  })
  const loaded = answerOf(await inProcess(loads(reloads), { deadline: 280 }))
  figures.held('addon loaded and unloaded by workers', reloads, {
    limit: 'the same value, nothing left',
    ok: loaded.values === 1 && loaded.codes.join() === '0' && JSON.stringify(loaded.left) === NOTHING_LEFT,
  })
  await ends(context, rounds)
}
