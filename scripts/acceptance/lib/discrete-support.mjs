// What the parts of scripts/acceptance/discrete.mjs share.
import { train } from '../../../dist/index.js'

/** Uniform numbers in (0, 1), the same for the same seed (mulberry32). */
export function uniforms(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296 + 2 ** -33
  }
}

/** A standard normal number for each pair of uniform ones. */
export const normalOf = (next) => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())

/** log of the probabilities exp(-E) / Z. */
export function logShares(energy) {
  const top = energy.reduce((a, b) => Math.max(a, -b), -Infinity)
  let sum = 0
  for (const e of energy) sum += Math.exp(-e - top)
  const logZ = top + Math.log(sum)
  return Float64Array.from(energy, (e) => -e - logZ)
}

/** Energies of many rows, a part at a time. */
export async function energiesOf(model, rows, part = 65536) {
  const found = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i += part) {
    const energy = await model.energy(rows.slice(i, i + part), { threads: 1 })
    found.set(energy.toTypedArray(), i)
    energy.dispose()
  }
  return found
}

/** Trains with a progress bar; the result of train(). */
export async function trained(model, rows, options, { seed, signal, tell }, share = 1) {
  const run = train(model, rows, { ...options, seed, signal, threads: 1 })
  for await (const event of run) if (event.type === 'progress') tell((share * event.step) / event.steps)
  return await run.done
}
