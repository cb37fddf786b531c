// From nothing to the first energy of one row: the parent times this process from its start to the first answer.
import { readFileSync } from 'node:fs'
import { options, serve } from './trial.mjs'

if (!options.bare) {
  const { Energy, energies } = await import('../../../dist/index.js')
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [128, 128] }), { seed: 1 })
  const energy = await model.energy([[0.5, -0.5]])
  energy.toArray()
}
const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
await serve(() => ({ value: 0, peakMiB }))
