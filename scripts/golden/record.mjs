// What a golden run leaves: for every result a hash of its exact bytes and a few of its numbers, so that two records say
// whether a result changed and, when it did, by how much.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Numbers of a result that are kept beside its norm: of one that is made of tensors, and of one that has plain numbers. */
const KEPT = { tensors: 4, numbers: 8 }

const isTensor = (value) => typeof value?.toTypedArray === 'function' && Array.isArray(value.shape)

/** Every tensor, number, text and null in a result with its path, in the order of the paths' names. */
function* leaves(value, path = '') {
  if (value === undefined) return
  if (value === null || typeof value !== 'object' || isTensor(value)) yield [path, value]
  else if (ArrayBuffer.isView(value)) yield [path, value]
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* leaves(item, `${path}/${i}`)
  else for (const key of Object.keys(value).sort()) yield* leaves(value[key], `${path}/${key}`)
}

/** A result that is one path's value: what it is, its bytes, and its numbers. */
function read(leaf) {
  if (isTensor(leaf)) {
    const wide = leaf.dtype === 'bfloat16' ? leaf.to('float32') : leaf
    const array = leaf.toTypedArray()
    const numbers = wide === leaf ? array : wide.toTypedArray()
    return { what: `${leaf.dtype} [${leaf.shape}]`, bytes: array, numbers: Array.from(numbers, Number) }
  }
  if (ArrayBuffer.isView(leaf)) return { what: leaf.constructor.name, bytes: leaf, numbers: Array.from(leaf, Number) }
  if (leaf === null) return { what: 'null', bytes: new Uint8Array(0), numbers: [] }
  if (typeof leaf === 'string') return { what: 'text', bytes: Buffer.from(leaf), numbers: [] }
  if (typeof leaf === 'number' || typeof leaf === 'bigint' || typeof leaf === 'boolean') {
    return { what: 'number', bytes: Float64Array.of(Number(leaf)), numbers: [Number(leaf)] }
  }
  throw new Error(`a golden run cannot keep a ${typeof leaf}`)
}

/** The shortest decimal that is the number: nine digits for a float32, up to seventeen otherwise. JSON has no NaN. */
function plain(value) {
  if (!Number.isFinite(value)) return String(value)
  const short = Number(value.toPrecision(9))
  return Math.fround(value) === value && Math.fround(short) === value ? short : value
}

/**
 * [mark and hash, how many numbers, their Euclidean norm, a few of them spread over the result]. The hash is the first 16
 * digits of SHA-256. The mark says how differences are judged: t, tensors, whose numbers have one scale; n, plain numbers
 * (diagnostics, estimates), each with its own.
 */
export function summarize(result) {
  const hash = createHash('sha256')
  const all = []
  let mark = 't'
  for (const [path, leaf] of leaves(result)) {
    const { what, bytes, numbers } = read(leaf)
    if (!isTensor(leaf)) mark = 'n'
    hash.update(`${path} ${what}\n`)
    hash.update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    for (const number of numbers) all.push(number)
  }
  const norm = Math.sqrt(all.reduce((sum, v) => (Number.isFinite(v) ? sum + v * v : sum), 0))
  const last = (mark === 't' ? KEPT.tensors : KEPT.numbers) - 1
  const places = Array.from({ length: last + 1 }, (_, k) => Math.floor((k * (all.length - 1)) / last))
  const kept = all.length === 0 ? [] : [...new Set(places)].map((i) => plain(all[i]))
  return [mark + hash.digest('hex').slice(0, 16), all.length, norm, ...kept]
}

/** A run's results by name as the record keeps them; `sha256` is over all of them. */
export function runRecord(results) {
  const hash = createHash('sha256')
  const parts = {}
  for (const name of Object.keys(results).sort()) {
    if (results[name] === undefined) continue
    parts[name] = summarize(results[name])
    hash.update(`${name} ${parts[name][0]}\n`)
  }
  return { sha256: hash.digest('hex'), parts }
}

function processor() {
  let info = ''
  try {
    info = readFileSync('/proc/cpuinfo', 'utf8')
  } catch {}
  const field = (name) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(info)?.[1] ?? 'unknown'
  return `${field('vendor_id')} family ${field('cpu family')} model ${field('model')}`
}

/** What the bits of a run depend on beside the sources. */
export async function machine(langevin) {
  const model = await langevin.Energy.create(langevin.energies.mlp({ input: 1, hidden: [1] }))
  const { instructionSet } = model.explain()
  model.dispose()
  const { libtorch, cpuCapability, compiler } = langevin.versions()
  const { model: name } = cpus()[0] ?? { model: 'unknown' }
  return { cpu: name.trim(), processor: processor(), instructionSet, libtorch, cpuCapability, compiler }
}

/** Why bits need not be equal between two machines; empty where they must be. `cpu` is a name, `processor` says more. */
export function differences(here, there) {
  return ['processor', 'instructionSet', 'libtorch', 'cpuCapability', 'compiler']
    .filter((key) => here[key] !== there[key])
    .map((key) => `${key} is ${here[key]} here and ${there[key]} in the record`)
}

/** The record as text: one result a line, so that a change of one number is a change of one line. */
export function format(record) {
  const runs = Object.keys(record.runs)
    .sort()
    .map((name) => {
      const { sha256, parts } = record.runs[name]
      const lines = Object.entries(parts).map(
        ([part, summary]) => `   ${JSON.stringify(part)}: ${JSON.stringify(summary)}`,
      )
      return `  ${JSON.stringify(name)}: { "sha256": "${sha256}", "parts": {\n${lines.join(',\n')}\n  }}`
    })
  const head = Object.entries(record).filter(([key]) => key !== 'runs')
  const lines = head.map(([key, value]) => ` ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return `{\n${[...lines, ` "runs": {\n${runs.join(',\n')}\n }`].join(',\n')}\n}\n`
}
