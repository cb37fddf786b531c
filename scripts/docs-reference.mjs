// Writes docs/reference: one page for every kind of energy, sampler, objective, optimizer, noise, detector and so on, from the doc
// comment, summary, source and schema in the kind's own file; and one of the monitors of training, from their two tables.
// `--check` fails when a page is not what it would write.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'docs', 'reference')

/** Doc comments by exported name, for every file of a module of src. */
async function comments(module) {
  const found = new Map()
  for (const entry of await readdir(join(root, 'src', module), { withFileTypes: true, recursive: true })) {
    if (!entry.name.endsWith('.ts')) continue
    const text = await readFile(join(entry.parentPath ?? entry.path, entry.name), 'utf8')
    for (const match of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:const|function) (\w+)/g)) {
      const lines = match[1].split('\n').map((line) => line.replace(/^\s*\* ?/, ''))
      found.set(match[2], lines.join('\n').trim())
    }
  }
  return found
}

/** The module of src that defines a family. */
const MODULES = {
  energy: 'energies',
  sampler: 'samplers',
  objective: 'objectives',
  optimizer: 'optimizers',
  noise: 'noises',
  perturbation: 'perturbations',
  detector: 'ood',
  calibrator: 'calibrators',
  nodeScore: 'graphs',
  layer: 'networks',
  network: 'networks',
  nodeNetwork: 'networks',
  inference: 'inference',
  schedule: 'schedules',
}

/** Of families whose factories are in the namespace of another. */
const HEADINGS = { nodeNetwork: 'networks of the nodes of a graph' }

function typeOf(schema) {
  if (schema === undefined || schema === true) return 'any'
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(' or ')
  const union = schema.anyOf ?? schema.oneOf
  if (union) return [...new Set(union.map(typeOf))].join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`
  if (schema.type === 'object') return schema.properties?.kind?.const ?? 'object'
  if (schema.type === 'integer') return 'whole number'
  return schema.type ?? 'spec'
}

function range(schema) {
  const parts = []
  if (schema?.exclusiveMinimum !== undefined) parts.push(`> ${schema.exclusiveMinimum}`)
  if (schema?.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER) parts.push(`>= ${schema.minimum}`)
  if (schema?.exclusiveMaximum !== undefined) parts.push(`< ${schema.exclusiveMaximum}`)
  if (schema?.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER) parts.push(`<= ${schema.maximum}`)
  return parts.join(', ')
}

function options(schema) {
  const required = new Set(schema.required ?? [])
  const rows = Object.entries(schema.properties ?? {})
    .filter(([name]) => name !== 'kind')
    .map(([name, s]) => {
      const otherwise =
        s.default !== undefined ? `\`${JSON.stringify(s.default)}\`` : required.has(name) ? 'required' : 'none'
      const type = [typeOf(s), range(s)].filter(Boolean).join(', ').replaceAll('|', '\\|')
      return `| \`${name}\` | ${type} | ${otherwise} |`
    })
  return rows.length === 0 ? '' : `\n| option | value | default |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function limitText({ side, limit }) {
  if (side === 'above' || side === 'below') return `${side} ${limit}`
  if (side === 'aboveInSize') return `beyond ${limit} in absolute value`
  if (side === 'awayFromOne') return `more than ${limit} away from 1`
  return side === 'onRequest' ? 'always' : ''
}

/** The page of the monitors: words from src/training/monitors.ts, limits, codes and remedies from the core. */
async function monitorsPage() {
  const { MONITORS } = await import(new URL('../dist/training/index.js', import.meta.url))
  const { invokeNow } = await import(new URL('../dist/runtime/index.js', import.meta.url))
  const limits = new Map(invokeNow('training.monitors', {}).map((row) => [row.name, row]))
  const names = Object.keys(MONITORS)
  const listed = names.map(
    (name) => `| \`${name}\` | ${MONITORS[name].meaning.replaceAll('|', '\\|')} | ${MONITORS[name].unit} |`,
  )
  const warned = names.flatMap((name) => {
    const row = limits.get(name)
    if (!row?.code) return []
    return [`| \`${name}\` | ${limitText(row)} | \`${row.code}\` (${row.severity}) | ${row.reading} | ${row.remedy} |`]
  })
  return `# Monitors of training

What \`result.history\`, the progress events and the charts of a report hold, where the objective has it.

| monitor | what it is | unit |
| --- | --- | --- |
${listed.join('\n')}

## Warnings

A monitor that passes its limit is a \`warning\` event, stays in \`result.warnings\`, and is a finding of \`diagnose()\`, once per
run. When the limits are looked at: [What is wrong with a run](../diagnose.md#training).

| monitor | limit | code | reading | remedy |
| --- | --- | --- | --- | --- |
${warned.join('\n')}
`
}

/** Every page as [path below docs/reference, text]. */
export async function pages() {
  const spec = await import(new URL('../dist/spec/index.js', import.meta.url))
  await import(new URL('../dist/index.js', import.meta.url))
  const result = []
  const index = ['# Reference', '', 'Written from the sources by `npm run docs:reference`; one page per kind.', '']
  for (const family of spec.familyNames()) {
    if (MODULES[family] === undefined) continue
    const namespace = spec.namespaceOf(family)
    const docs = await comments(MODULES[family])
    index.push(`## ${HEADINGS[family] ?? namespace}`, '')
    for (const kind of spec.kindsOf(family)) {
      const definition = spec.definitionOf(family, kind)
      const full = spec.specSchema(family)
      const schema =
        (full.$defs?.[family]?.oneOf ?? [full.$defs?.[family]]).find((s) => s?.properties?.kind?.const === kind) ?? {}
      const comment = docs.get(kind) ?? docs.get(`${kind}Spec`) ?? ''
      const text = [
        `# ${namespace}.${kind}`,
        '',
        definition.summary,
        '',
        comment,
        options(schema),
        definition.source ? `**Source.** ${definition.source}` : '',
      ]
      const clean = `${text
        .join('\n')
        .replace(/\n{3,}/g, '\n\n')
        .trim()}\n`
      result.push([join(namespace, `${kind}.md`), clean])
      index.push(`- [${kind}](${namespace}/${kind}.md): ${definition.summary}`)
    }
    index.push('')
  }
  index.push('## Training', '', '- [monitors](monitors.md): what a run measures, and the limits of its warnings')
  result.push(['monitors.md', await monitorsPage()])
  result.push(['README.md', `${index.join('\n').trim()}\n`])
  return result
}

async function main() {
  const written = await pages()
  if (process.argv.includes('--check')) {
    const stale = []
    for (const [path, text] of written) {
      const there = await readFile(join(target, path), 'utf8').catch(() => '')
      if (there !== text) stale.push(path)
    }
    if (stale.length > 0) {
      console.error(`docs/reference is not up to date (run npm run docs:reference): ${stale.join(', ')}`)
      process.exitCode = 1
    }
    return
  }
  await rm(target, { recursive: true, force: true })
  for (const [path, text] of written) {
    await mkdir(join(target, path, '..'), { recursive: true })
    await writeFile(join(target, path), text)
  }
  console.error(`wrote ${written.length} pages to docs/reference`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
