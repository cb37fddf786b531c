/** Definition of spec kinds: a schema, a factory that validates, and the registry of families. */
import { createRequire } from 'node:module'
import type { z as Zod } from 'zod'
import { freeze, invalid, join, safely, toPlain } from './plain.js'
import { hint } from './suggest.js'

/** The zod namespace, as shapes receive it. */
export type Z = typeof import('zod').z

/** Stands in types alone: no value has it. */
declare const FAMILY: unique symbol

/** Tells the specs of one family from those of another when TypeScript looks; plain JSON fits every family. */
export type OfFamily<F extends string> = {
  readonly [FAMILY]?: F
}

/**
 * A spec: plain frozen JSON whose `kind` says what it is. `SpecValue<'objective'>` takes what `objectives.*` make and plain
 * JSON, and nothing of `energies.*`; without a family it is any spec.
 */
// biome-ignore lint/suspicious/noExplicitAny: a spec of unknown family goes where any family is wanted
export type SpecValue<F extends string = any> = {
  readonly kind: string
  readonly [option: string]: unknown
} & OfFamily<F>

type Shape = Zod.core.$ZodLooseShape
type Input<S extends Shape> = Zod.input<Zod.ZodObject<S, Zod.core.$strict>>
type Output<S extends Shape> = Zod.output<Zod.ZodObject<S, Zod.core.$strict>>

/** Options that have a default: optional when given, always there in the spec. */
type FilledKeys<S extends Shape> = {
  [P in keyof Input<S>]-?: Record<never, never> extends Pick<Input<S>, P>
    ? P extends keyof Output<S>
      ? Record<never, never> extends Pick<Output<S>, P>
        ? never
        : P
      : never
    : never
}[keyof Input<S>] &
  string

/** What a factory returns: the kind and the options O, with those of D filled in by their defaults. */
export type SpecOf<K extends string, O, D extends string, F extends string> = { readonly kind: K } & Readonly<O> & {
    readonly [P in D]: P extends keyof O ? Exclude<O[P], undefined> : unknown
  } & OfFamily<F>

/**
 * A pure function from options to a frozen spec. The options may be left out when none is required. Where rows may have more axes
 * than one, the type of the spec says whether they have.
 */
export type SpecFactory<K extends string, O, D extends string, F extends string> =
  Record<never, never> extends O
    ? (options?: O & { readonly kind?: K }) => SpecOf<K, O, D, F>
    : O extends { input: number | number[] }
      ? number[] extends O['input']
        ? <I extends number | number[]>(
            options: O & { readonly kind?: K; input: I },
          ) => SpecOf<K, O, D, F> & { readonly input: I }
        : (options: O & { readonly kind?: K }) => SpecOf<K, O, D, F>
      : (options: O & { readonly kind?: K }) => SpecOf<K, O, D, F>

/** Whether two types are the same, optional members and all. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Arguments that nobody can give where the options O are not those of the schema; tsc shows both sides. */
export type Drift<O, S extends Shape, I = Input<S>> =
  Same<{ [P in keyof O]: O[P] }, { [P in keyof I]: I[P] }> extends true
    ? []
    : [
        'the options and the schema differ',
        {
          [P in keyof (O & I) as P extends keyof O & keyof I
            ? Same<Pick<O, P>, Pick<I, P>> extends true
              ? never
              : P
            : P]: [options: P extends keyof O ? O[P] : 'missing', schema: P extends keyof I ? I[P] : 'missing']
        },
      ]

export interface SpecInfo<O> {
  /** One sentence for `langevin schema` and the docs. */
  summary: string
  /** Where the method comes from: paper and equation, or a formula. */
  source?: string
  /** How errors name the call; default: the factory, such as 'energies.mlp'. */
  owner?: string
  /** Where options are that are often looked for at the top: { lr: 'optimizer.lr' }. */
  elsewhere?: Readonly<Record<string, string>>
  /** Conditions that span several options. Call `fail(path, problem)`. */
  check?: (options: O, fail: (path: string, problem: string) => never) => void
}

export interface Definition {
  family: string
  kind: string
  summary: string
  source: string | undefined
  schema(): Zod.ZodObject
  parse(options: unknown): SpecValue
}

let zod: Z | undefined

/** zod, loaded at the first spec: an import of langevin that only scores rows never pays for it. */
export function loadZod(): Z {
  zod ??= (createRequire(import.meta.url)('zod') as { z: Z }).z
  return zod
}

const families = new Map<string, Map<string, Definition>>()

/** Families whose factories are in the namespace of another, and what takes their specs. */
const GUESTS: Readonly<Record<string, { namespace: string; what: string; taker: string }>> = {
  nodeScore: { namespace: 'graph', what: 'a score of the nodes of a graph', taker: 'graph.fit' },
  nodeNetwork: {
    namespace: 'networks',
    what: 'a network of the nodes of a graph',
    taker: 'graph.NodeClassifier.create',
  },
}

/** "energy" -> "energies": the name of the namespace users type. */
export function namespaceOf(family: string): string {
  const guest = GUESTS[family]
  if (guest !== undefined) return guest.namespace
  return family.endsWith('y') ? `${family.slice(0, -1)}ies` : `${family}s`
}

export function familyNames(): string[] {
  return [...families.keys()].sort()
}

/** The kinds of a family, in the order they were defined. */
export function kindsOf(family: string): string[] {
  return [...(families.get(family)?.keys() ?? [])]
}

export function definitionOf(family: string, kind: string): Definition | undefined {
  return families.get(family)?.get(kind)
}

/** Option names a schema knows at a path; empty when the path leads into something that is not an object. */
function keysAt(schema: Zod.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const def = schema._zod.def as unknown as Record<string, unknown> & { type: string }
  if (def.type === 'union') {
    return (def.options as Zod.core.$ZodType[]).flatMap((option) => keysAt(option, path))
  }
  if (def.type === 'pipe') return keysAt(def.in as Zod.core.$ZodType, path)
  if ('innerType' in def) return keysAt(def.innerType as Zod.core.$ZodType, path)
  const [head, ...rest] = path
  if (def.type === 'object') {
    const shape = def.shape as Record<string, Zod.core.$ZodType>
    if (head === undefined) return Object.keys(shape)
    const member = shape[String(head)]
    return member === undefined ? [] : keysAt(member, rest)
  }
  if (head === undefined) return []
  if (def.type === 'array') return keysAt(def.element as Zod.core.$ZodType, rest)
  if (def.type === 'record') return keysAt(def.valueType as Zod.core.$ZodType, rest)
  if (def.type === 'tuple') {
    const item = (def.items as Zod.core.$ZodType[])[Number(head)]
    return item === undefined ? [] : keysAt(item, rest)
  }
  return []
}

interface Problem {
  path: string
  text: string
}

/** A misspelt key also leaves its right spelling missing: report the cause, not the consequence. */
function causeOf(issues: readonly Zod.core.$ZodIssue[]): Zod.core.$ZodIssue {
  return issues.find((issue) => issue.code === 'unrecognized_keys') ?? issues[0]!
}

/** The first problem of a failed parse in the user's words. */
function problemOf(schema: Zod.core.$ZodType, issue: Zod.core.$ZodIssue, base: readonly PropertyKey[]): Problem {
  const full = [...base, ...issue.path]
  const path = full.reduce<string>(join, '')
  switch (issue.code) {
    case 'unrecognized_keys': {
      const key = issue.keys[0]!
      return { path: join(path, key), text: `is not an option${hint(key, keysAt(schema, full))}` }
    }
    case 'invalid_value': {
      const values = issue.values.map(String)
      const given = typeof issue.input === 'string' ? ` '${issue.input.slice(0, 64)}'` : ''
      const near =
        typeof issue.input === 'string' ? hint(issue.input, values) : `; known: ${[...new Set(values)].join(', ')}`
      return { path, text: `is not one of the allowed values${given === '' ? '' : ':'}${given}${near}` }
    }
    case 'invalid_union': {
      // Branches that failed at their root were not meant; one that failed deeper was.
      const meant = issue.errors.filter((errors) => errors[0] !== undefined && errors[0].path.length > 0)
      const unknown = issue.errors.find((errors) => errors[0]?.code === 'unrecognized_keys')
      const chosen = meant.length === 1 ? meant[0] : unknown
      if (chosen !== undefined) return problemOf(schema, causeOf(chosen), full)
      const texts = issue.errors.flatMap((errors) => (errors[0] === undefined ? [] : [errors[0].message]))
      return { path, text: texts.length > 0 ? [...new Set(texts)].join(', or: ') : issue.message }
    }
    default: {
      if (issue.code === 'invalid_type' && issue.input === undefined)
        return { path, text: `is required (${issue.expected})` }
      const inner = 'params' in issue ? (issue.params as { path?: string } | undefined)?.path : undefined
      if (inner === undefined || inner === '') return { path, text: issue.message }
      return { path: inner.startsWith('[') || path === '' ? path + inner : `${path}.${inner}`, text: issue.message }
    }
  }
}

/** A kind that has been defined. */
export interface Defined<K extends string, S extends Shape, F extends string> {
  /**
   * Its factory with the interface of its options, which is what an editor shows: `defineSpec(...).options<MlpOptions>()`. It
   * does not compile where the schema says anything else.
   */
  options<O = Input<S>>(...drift: Drift<O, S>): SpecFactory<K, O, FilledKeys<S>, F>
}

/**
 * Defines one kind of a family and registers it for parseSpec() and specSchema().
 *
 * The factory validates at once (ERR_LANGEVIN_INVALID_OPTION with `details.path`), fills in defaults, never
 * touches the addon, and returns frozen plain JSON. `shape` is called once, at the first use.
 */
export function defineSpec<const F extends string, const K extends string, S extends Shape>(
  family: F,
  kind: K,
  shape: (z: Z) => S,
  info: SpecInfo<Output<S>>,
): Defined<K, S, F> {
  const owner = info.owner ?? `${namespaceOf(family)}.${kind}`
  let schema: Zod.ZodObject<S, Zod.core.$strict> | undefined
  // Frozen through and through, so what was right once stays right: a loop of calls pays for its spec once.
  const made = new WeakSet<object>()
  const getSchema = () => {
    schema ??= loadZod().strictObject(shape(loadZod()))
    return schema
  }
  const parse = (given: unknown): SpecValue => {
    if (made.has(given as object)) return given as SpecValue
    const plain = toPlain(given === undefined ? {} : given, owner)
    if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
      invalid(
        owner,
        '',
        `expected an object of options, got ${plain === null ? 'null' : Array.isArray(plain) ? 'a list' : typeof plain}`,
      )
    }
    const { kind: stated, ...options } = plain as Record<string, unknown>
    // A spec may be spread into the call that changes one of its options.
    if (stated !== undefined && stated !== kind) invalid(owner, 'kind', `is fixed to '${kind}' here`)
    const result = safely(() => getSchema().safeParse(options, { reportInput: true }))
    if (result === undefined) invalid(owner, '', 'an object in it has a member, such as length, that cannot be read')
    if (!result.success) {
      const { path, text } = problemOf(getSchema(), causeOf(result.error.issues), [])
      const place = Object.hasOwn(info.elsewhere ?? {}, path) ? info.elsewhere![path] : undefined
      invalid(owner, path, place === undefined ? text : `is not an option here; did you mean '${place}'?`)
    }
    info.check?.(result.data, (path, problem) => invalid(owner, path, problem))
    // Defaults and transforms may have brought undefined members back; a spec has none.
    const spec = freeze(toPlain({ kind, ...result.data }, owner)) as SpecValue
    made.add(spec)
    return spec
  }
  const known = families.get(family) ?? new Map<string, Definition>()
  families.set(family, known)
  known.set(kind, {
    family,
    kind,
    summary: info.summary,
    source: info.source,
    schema: () => getSchema() as unknown as Zod.ZodObject,
    parse,
  })
  const factory = (...given: unknown[]) => {
    if (given.length > 1) invalid(owner, '', `takes one object of options, got ${given.length} arguments`)
    return parse(given[0])
  }
  return { options: () => factory as never }
}

/**
 * Plain JSON back into a spec of a family: what run.json and safetensors metadata hold.
 * Throws ERR_LANGEVIN_INVALID_OPTION with the path of the offending key.
 */
export function parseSpec<const F extends string>(family: F, json: unknown): SpecValue<F> {
  const owner = namespaceOf(family)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    invalid(owner, '', `expected a spec, an object with a 'kind'; known kinds: ${kindsOf(family).join(', ')}`)
  }
  const kind: unknown = 'kind' in json ? json.kind : undefined
  if (typeof kind !== 'string') {
    invalid(owner, 'kind', `is required (a string); known: ${kindsOf(family).join(', ')}`)
  }
  const definition = definitionOf(family, kind)
  if (definition === undefined) {
    const guest = Object.keys(GUESTS).find((other) => namespaceOf(other) === owner && definitionOf(other, kind))
    if (guest !== undefined && guest !== family) {
      const { what, taker } = GUESTS[guest]!
      invalid(owner, 'kind', `${owner}.${kind} is ${what}: ${taker} takes it`)
    }
    invalid(owner, 'kind', `unknown ${family} '${kind.slice(0, 64)}'${hint(kind, kindsOf(family))}`)
  }
  return definition.parse(json)
}
