// Specs as run.json and files of models hold them: valid ones of every kind, damaged, and any JSON by fast-check.
import fc from 'fast-check'
import { kindsOf, parseSpec } from '../../../dist/spec/index.js'
import { mutatedJson } from './mutate.mjs'
import { SPECS } from './spec-seeds.mjs'

const BATCH = 2000

export async function specs() {
  const families = Object.keys(SPECS)
  // As JSON text gives it: '__proto__' is a member of its own.
  const any = fc.json({ maxDepth: 6 })
  let made = []
  const fromAny = (random) => {
    if (made.length === 0) made = fc.sample(any, { numRuns: BATCH, seed: Math.floor(random() * 2 ** 31) })
    return JSON.parse(made.pop())
  }
  const make = (random) => {
    const family = families[Math.floor(random() * families.length)]
    const seeds = SPECS[family]
    if (random() < 0.7) return { family, json: mutatedJson(seeds[Math.floor(random() * seeds.length)], random) }
    const json = fromAny(random)
    const kinds = kindsOf(family)
    const kind = kinds[Math.floor(random() * kinds.length)]
    return {
      family,
      json: typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json, kind } : json,
    }
  }
  const read = async ({ family, json }) => {
    JSON.stringify(parseSpec(family, json))
  }
  return { make, read }
}
