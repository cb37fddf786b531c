// Readers of what strangers give, under damaged and made-up inputs, two at a time; then attacks that are known by name.
import { attacks } from '../fuzz/attacks.mjs'
import { targets } from '../fuzz/targets.mjs'
import { forked } from '../lib/forked.mjs'

const SEED = 20261130
const WANTED = 1_000_000
/** A reader gets this long, LANGEVIN_FUZZ_SECONDS says otherwise; its figure says how many inputs that were. */
const SECONDS = 600
/** RSS that a reader may gain between its first inputs and its last, MiB: the heap of V8 grows before it is collected. */
const GROWTH = 160

/** What is read in a process of its own has as long as that process is given (5 s here); nothing else may take a second. */
const ELSEWHERE = { parquet: 8 }
/** Inputs after which the figure is what was promised. HTTP requests are bytes to a socket, each its own connection. */
const FEWER = {
  parquet: 'a process for each',
  'HTTP requests': 'a connection for each',
  checkpoints: 'a training run for each',
}

function judge(figures, name, result, wanted) {
  const { inputs, accepted, codes, problems, slowest, rssMiB } = result
  const named = problems.map(({ signature, count, input }) => `${count} x ${signature} (input ${input})`).join('; ')
  figures.held(`${name}: inputs that came to no coded error and no value`, problems.length, {
    limit: '0',
    ok: problems.length === 0,
    unit: 'kinds',
    note: `${inputs.toLocaleString('en')} inputs, ${accepted} read, ${JSON.stringify(codes)}${named && `; ${named}`}`,
  })
  const enough = inputs >= wanted
  if (wanted === WANTED) {
    if (enough) figures.held(`${name}: inputs`, inputs, { limit: '10^6', ok: true })
    else figures.seen(`${name}: inputs`, inputs, { note: `fewer than 10^6: ${FEWER[name] ?? 'its time was over'}` })
  }
  const most = ELSEWHERE[name] ?? 1
  figures.held(`${name}: longest`, slowest.seconds, {
    unit: 's',
    limit: `${most} s`,
    ok: slowest.seconds <= most,
    timing: true,
    note: `input ${slowest.input}`,
  })
  figures.held(`${name}: RSS at its end and at its most`, `${rssMiB.end} and ${rssMiB.most} MiB`, {
    limit: `${GROWTH} MiB over the ${rssMiB.warm} after warming up`,
    ok: rssMiB.most - rssMiB.warm <= GROWTH,
  })
}

export async function run({ quick, figures, say }) {
  const wanted = quick ? 300 : WANTED
  const seconds = Number(process.env.LANGEVIN_FUZZ_SECONDS) || (quick ? 2 : SECONDS)
  const names = Object.keys(targets)
  const one = async (name) => {
    say(`${name}: up to ${wanted} inputs, ${seconds} s`)
    try {
      const result = await forked('fuzz.mjs', [name, wanted, SEED, seconds], { deadline: seconds * 2 + 300, say })
      judge(figures, name, result, wanted)
    } catch (error) {
      figures.held(`${name}: the process`, error.message, { limit: 'ends by itself', ok: false })
    }
  }
  const lane = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) await one(name)
  }
  await Promise.all([lane(), lane()])
  await attacks({ quick, figures, say })
}
