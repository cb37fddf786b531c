// RSS over many repetitions, and at its most while a file is loaded.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Energy, energies, io, tensor } from '../../../dist/index.js'
import { forked } from '../lib/forked.mjs'
import { scratch } from '../lib/scratch.mjs'

/** What is done how often; calls of `scoreCalls` come a hundred at a time. */
const REPEATED = {
  createDispose: ['models created and disposed', 10_000, 400],
  createDrop: ['models created and dropped, found by the collector', 10_000, 400],
  abortedRuns: ['runs aborted', 500, 20],
  hotReloads: ['reloads of a served file', 100, 8],
  scoreCalls: ['score calls of 1 to 61 rows', 1_000_000, 2000],
}
const FLAT = 0.05
const MOST_TIMES = 3

async function repeated({ quick, figures, say }, scenario) {
  const [name, full, few] = REPEATED[scenario]
  const count = quick ? few : full
  const steps = scenario === 'scoreCalls' ? count / 100 : count
  say(`${name}: ${count}`)
  const { warm, end, growth, seconds, left } = await forked('memory.mjs', [scenario, steps], {
    deadline: quick ? 120 : 3600,
  })
  const figure = {
    unit: 'of RSS',
    note: `${count.toLocaleString('en')} times: ${warm.toFixed(0)} MiB after a quarter, ${end.toFixed(0)} MiB at the end; ${seconds.toFixed(0)} s`,
  }
  // After a few repetitions nothing has settled.
  if (quick) figures.seen(name, growth, figure)
  else figures.held(name, growth, { ...figure, limit: `at most ${FLAT} more`, ok: growth <= FLAT })
  const kept =
    scenario === 'createDispose' ? left.models === 0 && left.tensors <= 1 : left.models <= 2 && left.tensors <= 40
  figures.held(`${name}: handles at the end`, left, {
    limit: 'those in use',
    ok: kept && left.jobsRunning + left.jobsQueued === 0,
  })
}

async function loads({ quick, figures }) {
  const folder = scratch('large')
  const width = quick ? 1024 : 8192 // 64 million numbers, 256 MiB
  const paths = {
    model: join(folder, 'model.safetensors'),
    safetensors: join(folder, 'a.safetensors'),
    npy: join(folder, 'a.npy'),
  }
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [width, width] }))
  await model.save(paths.model)
  model.dispose()
  const array = tensor(new Float32Array(width * width), [width, width])
  await io.safetensors.write(paths.safetensors, { array })
  await io.npy.write(paths.npy, array)
  array.dispose()
  for (const [kind, path] of Object.entries(paths)) {
    const { size } = statSync(path)
    const { peak } = await forked('load-peak.mjs', [kind, path], { deadline: 300 })
    const figure = {
      unit: 'times the file',
      note: `${(size / 2 ** 20).toFixed(0)} MiB, ${(peak / 2 ** 20).toFixed(0)} MiB more at the most`,
    }
    const name = `loading a ${kind === 'model' ? 'model' : `${kind} file`}`
    // Of a small file the heap of JavaScript is the most.
    if (quick) figures.seen(name, peak / size, figure)
    else figures.held(name, peak / size, { ...figure, limit: `${MOST_TIMES}`, ok: peak / size <= MOST_TIMES })
  }
}

export async function run(context) {
  for (const scenario of Object.keys(REPEATED)) await repeated(context, scenario)
  await loads(context)
}
