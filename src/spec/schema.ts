/** JSON Schema of specs. */
import { LangevinError } from '../errors.js'
import { definitionOf, familyNames, kindsOf, loadZod, namespaceOf } from './define.js'
import { FAMILY_MARK, NUMBER_MARK } from './fields.js'
import { hint } from './suggest.js'

type Json = { [key: string]: unknown }

/** Replaces the marks left by specOf() and scheduleField() by references, and notes which families they name. */
function resolve(node: unknown, seen: Set<string>): unknown {
  if (Array.isArray(node)) return node.map((item) => resolve(item, seen))
  if (typeof node !== 'object' || node === null) return node
  const object = node as Json
  const family = object[FAMILY_MARK]
  if (typeof family === 'string') {
    seen.add(family)
    const reference = { $ref: `#/$defs/${family}` }
    const target: Json = object[NUMBER_MARK] === true ? { anyOf: [{ type: 'number' }, reference] } : reference
    return 'default' in object ? { ...target, default: object.default } : target
  }
  return Object.fromEntries(Object.entries(object).map(([key, member]) => [key, resolve(member, seen)]))
}

function kindSchema(family: string, kind: string, seen: Set<string>): Json {
  const z = loadZod()
  const definition = definitionOf(family, kind)!
  const schema = z.toJSONSchema(definition.schema(), { io: 'input', unrepresentable: 'any' }) as Json
  const { $schema: _dialect, properties, required, ...rest } = resolve(schema, seen) as Json
  return {
    title: `${namespaceOf(family)}.${kind}`,
    description: definition.source === undefined ? definition.summary : `${definition.summary} ${definition.source}`,
    ...rest,
    properties: { kind: { const: kind }, ...(properties as Json) },
    required: ['kind', ...((required as string[] | undefined) ?? [])],
  }
}

/**
 * JSON Schema (draft 2020-12) of all specs of a family, with the families they contain under `$defs`.
 * Conditions that span several options are checked by the factories and are not in the schema.
 */
export function specSchema(family: string): Record<string, unknown> {
  if (!familyNames().includes(family)) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `unknown family of specs '${family}'${hint(family, familyNames())}`,
      { details: { family } },
    )
  }
  const definitions: Json = {}
  const open = [family]
  while (open.length > 0) {
    const next = open.pop()!
    if (next in definitions) continue
    const seen = new Set<string>()
    definitions[next] = { oneOf: kindsOf(next).map((kind) => kindSchema(next, kind, seen)) }
    open.push(...seen)
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: namespaceOf(family),
    $ref: `#/$defs/${family}`,
    $defs: definitions,
  }
}
