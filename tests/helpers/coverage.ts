/** Whether every kind of a family is where it has to be: in a test, a table, a page. Kinds come from the registries. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SpecValue } from '../../src/spec/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A kind that cannot be in a place: why, and the test that covers it instead. */
export interface Exception {
  why: string
  /** A file, from the root of the project, that names the kind. */
  instead: string
}

/** A place that has to hold every kind of a family. */
export interface Place {
  /** What messages call one of the family: 'sampler'. */
  family: string
  /** The kinds that are there. */
  holds: Iterable<string>
  /** For messages, after "is in": 'no case of native/tests/sampler_suite_test.cpp'. */
  no: string
  /** What to add for one kind. */
  add: (kind: string) => string
  except?: Readonly<Record<string, Exception>>
}

/** What is missing in a place, one message per kind, with what to add; and exceptions that have become wrong. */
export function missing(kinds: readonly string[], { family, holds, no, add, except = {} }: Place): string[] {
  const there = new Set(holds)
  const lacking = kinds.filter((kind) => !there.has(kind) && !(kind in except))
  return [
    ...lacking.map((kind) => `${family} '${kind}' is in ${no}: add ${add(kind)}`),
    ...Object.entries(except).flatMap(([kind, { instead }]) => {
      const wrong = (why: string) => [`${family} '${kind}' is listed as an exception, and ${why}`]
      if (!kinds.includes(kind)) return wrong('there is no such kind: take it off the list')
      if (there.has(kind)) return wrong('it is not missing: take it off the list')
      if (!existsSync(join(root, instead))) return wrong(`there is no ${instead}: name the test that covers it`)
      if (!readFileSync(join(root, instead), 'utf8').includes(kind))
        return wrong(`${instead} does not name it: name the test that covers it`)
      return []
    }),
  ]
}

/** The kinds in the rows of a registry of the core: `{"mala", makeMala},` between `registry = {` and `};`. */
export function kindsInRegistry(source: string): string[] {
  const rows = /registry = \{([\s\S]*?)\n {2}\};/.exec(source)?.[1] ?? ''
  return [...rows.matchAll(/\{"(\w+)",\s*\{?\s*\w+/g)].map(([, kind]) => kind!)
}

/** Every spec inside some specs, themselves included. */
export function specsIn(value: unknown): SpecValue[] {
  if (typeof value !== 'object' || value === null) return []
  const inside = Object.values(value).flatMap(specsIn)
  return 'kind' in value && typeof value.kind === 'string' ? [value as SpecValue, ...inside] : inside
}

/** The kind that every call of `marker` in a C++ test makes: the one it returns, `return Map{{"kind", "mala"}`, else the first. */
export function kindsAfter(source: string, marker: string): string[] {
  return source
    .split(marker)
    .slice(1)
    .flatMap((rest) => {
      const call = rest.slice(0, rest.indexOf('\n}'))
      const returned = /return Map\{\s*\{"kind", "(\w+)"\}/.exec(call)
      return (returned ?? /\{"kind", "(\w+)"\}/.exec(call))?.[1] ?? []
    })
}

/** The body of `TEST(name) { ... }`, or of a function of that name, to the brace that closes it at the start of a line. */
export function bodyOf(source: string, name: string): string {
  const from = source.indexOf(`${name}(`) < 0 ? source.indexOf(`(${name})`) : source.indexOf(`${name}(`)
  if (from < 0) throw new Error(`there is no ${name} in the source: its tests have moved`)
  return source.slice(from, source.indexOf('\n}', from))
}

/** The words in one row of a table of Markdown: those of `| label | ... |`. */
export function wordsInRow(page: string, label: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${label} |`))
  return row?.match(/\w+/g) ?? []
}

/** `gibbsWithGradients` as the name of a file of src: `gibbs-with-gradients`. */
export const dashed = (kind: string): string => kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
/** The same as a file of native/core: `gibbs_with_gradients`. */
export const underscored = (kind: string): string => dashed(kind).replaceAll('-', '_')
