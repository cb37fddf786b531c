// Many chains with streamed moments: nanoseconds per chain step, and what the process grew by at its highest.
import { readFileSync, writeFileSync } from 'node:fs'
import { Energy, energies, sample, samplers } from '../../../dist/index.js'
import { options, serve } from './trial.mjs'

const { energy, chains, steps, threads } = options
const { kind, ...fields } = energy
const MiB = 2 ** 20
const status = (key) =>
  Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
const model = await Energy.create(energies[kind](fields), { seed: 1 })
const run = (rows) =>
  sample(model, {
    sampler: samplers.langevin({ steps, stepSize: 0.01 }),
    chains: rows,
    keep: 'moments',
    seed: 1,
    ...(threads && { threads }),
  }).done

await run(128) // libraries, weights and threads are there
await serve(async () => {
  writeFileSync('/proc/self/clear_refs', '5') // the high-water mark starts anew
  const before = status('VmRSS')
  const { seconds } = await run(chains)
  const stateMiB = (chains * energy.input * 4) / MiB
  const grewMiB = status('VmHWM') - before
  return { value: (seconds / steps / chains) * 1e9, seconds, stateMiB, grewMiB, aboveStateMiB: grewMiB - stateMiB }
})
