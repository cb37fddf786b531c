import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import '../../src/index.js'
import { familyNames, kindsOf, specSchema } from '../../src/spec/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Where the core reads the kinds of a family. */
const FOLDERS: Record<string, string> = {
  energy: 'energies',
  sampler: 'samplers',
  objective: 'objectives',
  optimizer: 'optimizers',
  noise: 'noises',
  perturbation: 'perturbations',
  inference: 'inference',
}

interface Schema {
  properties?: Record<string, { default?: unknown; const?: unknown }>
}

function schemaOf(family: string, kind: string): Schema {
  const definition = (specSchema(family) as { $defs?: Record<string, { oneOf?: Schema[] }> }).$defs?.[family]
  return (definition?.oneOf ?? [definition as Schema]).find((s) => s?.properties?.kind?.const === kind) ?? {}
}

/** Defaults a source of the core gives where a spec leaves an option out: [option, default]. */
function defaultsIn(text: string): [string, unknown][] {
  const read = /\bspec\.(count|positive|nonNegative|number|probability|text|boolean)\("(\w+)", ([^()]*)\)/g
  return [...text.matchAll(read)].flatMap(([, reading, option, rest]) => {
    const given = rest!.split(', ')
    // The first argument of count is the least value.
    const value = reading === 'count' ? given[1] : given[0]
    if (value === undefined || !/^(-?[\d.]+(e-?\d+)?|true|false|".*")$/.test(value)) return []
    return [[option!, JSON.parse(value)] as [string, unknown]]
  })
}

const snake = (kind: string) => kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

describe('a default that the core gives is the one of the spec', () => {
  let compared = 0
  for (const [family, folder] of Object.entries(FOLDERS)) {
    test(family, () => {
      expect(familyNames()).toContain(family)
      for (const kind of kindsOf(family)) {
        const file = `native/core/${folder}/${snake(kind)}.cpp`
        if (!existsSync(root + file)) continue
        for (const [option, value] of defaultsIn(readFileSync(root + file, 'utf8'))) {
          const ours = schemaOf(family, kind).properties?.[option]?.default
          // An option without a default in the spec has its one default in the core.
          if (ours === undefined) continue
          compared++
          expect(value, `${file} takes ${option} as ${value} where it is left out, the spec as ${ours}`).toEqual(ours)
        }
      }
    })
  }

  test('and there are some', () => expect(compared).toBeGreaterThan(25))
})
