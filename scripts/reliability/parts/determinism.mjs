// The same run in several ways, bit by bit: threads, resumed, in a worker, twice.
import { answerOf, inProcess, PRELUDE } from '../lib/child.mjs'
import { scratch } from '../lib/scratch.mjs'

/** What is compared: hashes of the weights after training, of the draws, of energies and scores. */
const WORK = `
const { createHash } = await import('node:crypto')
const hash = (array) => createHash('sha256').update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)).digest('hex').slice(0, 16)
const rows = data.toys.rings({ n: 3000, seed: 1 })
const RUNS = {
  scoreMatching: objectives.denoisingScoreMatching({ sigma: 0.3 }),
  persistent: objectives.persistentContrastiveDivergence({ sampler: samplers.langevin({ steps: 5, stepSize: 0.05 }) }),
}
async function work({ threads: n, resume, folder, steps }) {
  const found = {}
  for (const [name, objective] of Object.entries(RUNS)) {
    const make = () => Energy.create(energies.mlp({ input: 2, hidden: [48, 48], gaussianBase: 2 }), { seed: 1 })
    const options = { objective, steps, batchSize: 256, seed: 5, ...(n && { threads: n }) }
    let model = await make()
    if (resume) {
      const path = folder + '/' + name + '-{step}.safetensors'
      const half = Math.floor(steps / 2)
      await train(model, rows, { ...options, checkpoint: { path, every: half } }).done
      model.dispose()
      model = await make()
      await train(model, rows, { ...options, resume: path.replace('{step}', half) }).done
    } else await train(model, rows, options).done
    const parameters = await model.parameters()
    found[name] = Object.keys(parameters).sort().map((key) => hash(parameters[key].toTypedArray())).join('')
    const probe = data.toys.moons({ n: 5000, seed: 2 }).toTensor()
    const call = n ? { threads: n } : {}
    found[name + ' energies'] = hash((await model.energy(probe, call)).toTypedArray())
    found[name + ' scores'] = hash((await model.score(probe, call)).toTypedArray())
    for (const [kind, sampler] of Object.entries({
      langevin: samplers.langevin({ steps: 100, stepSize: 0.02 }),
      nuts: samplers.nuts({ steps: 10 }),
    })) {
      const { samples } = await sample(model, { sampler, chains: 300, seed: 9, ...call }).done
      found[name + ' ' + kind] = hash(samples.toTypedArray())
    }
  }
  return found
}
`
const inMain = (options) => `${WORK}
say(await work(${JSON.stringify(options)}))`

const inWorker = (options) => `
const script = ${JSON.stringify(`${PRELUDE}${WORK}`)} + 'parentPort.postMessage(await work(' + ${JSON.stringify(JSON.stringify(options))} + '))'
const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(script)))
say(await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)))`

export async function run({ quick, figures }) {
  const folder = scratch('determinism')
  const steps = quick ? 40 : 600
  const once = { steps, folder }
  const answer = async (script, options) => answerOf(await inProcess(script, { deadline: 600, ...options }))
  const reference = await answer(inMain({ ...once, threads: 1 }))
  const ways = {
    'the same process again, 1 thread': () => answer(inMain({ ...once, threads: 1 })),
    '2 threads': () => answer(inMain({ ...once, threads: 2 })),
    '3 threads, by LANGEVIN_THREADS': () => answer(inMain(once), { env: { LANGEVIN_THREADS: '3' } }),
    'resumed at half': () => answer(inMain({ ...once, resume: true })),
    'in a worker': () => answer(inWorker(once)),
  }
  for (const [name, way] of Object.entries(ways)) {
    const found = await way()
    const different = Object.keys(reference).filter((key) => found[key] !== reference[key])
    figures.held(
      `identical bits: ${name}`,
      `${Object.keys(reference).length - different.length} of ${Object.keys(reference).length} hashes`,
      {
        limit: 'all of those of one thread',
        ok: different.length === 0,
        note: different.join(', '),
      },
    )
  }
}
