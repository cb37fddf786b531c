// RSS over many repetitions.
import { forked } from '../lib/forked.mjs'

/** What is done how often; calls of `scoreCalls` come a hundred at a time. */
const REPEATED = {
  createDispose: ['models created and disposed', 10_000, 400],
  createDrop: ['models created and dropped, found by the collector', 10_000, 400],
  abortedRuns: ['runs aborted', 500, 20],
  hotReloads: ['reloads of a served file', 100, 8],
  scoreCalls: ['score calls of 1 to 61 rows', 1_000_000, 2000],
}
const FLAT = 0.05

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

export async function run(context) {
  for (const scenario of Object.keys(REPEATED)) await repeated(context, scenario)
}
