/** The energy of a table with what is known of the rows it was trained on: one file. */
import { type Policies, type Schema, withPolicies } from '../columns/index.js'
import type { CsvForm } from '../data/csv-text.js'
import { TableCoder } from '../data/table-coder.js'
import { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import { readSafetensors, writeSafetensors } from '../io/safetensors.js'
import { requireOptions } from '../spec/index.js'
import { networkMetadata } from '../weights.js'

const KEY = 'langevin.table'
const VERSION = 1
/** Quantiles of the energies of training rows. */
const QUANTILES = 1001

/** What a file says of a table besides the energy and its inputs. */
export interface TableFacts {
  /** Rows trained on. */
  readonly rows: number
  /** Quantiles of their energies, evenly spaced in probability from 0 to 1. */
  readonly energies: readonly number[]
  readonly form: CsvForm
}

/** The energy of a table. Whoever made it disposes it. */
export class TableModel {
  readonly energy: Energy
  readonly facts: TableFacts
  /** With the policies that are asked for. */
  readonly coder: TableCoder

  constructor(energy: Energy, facts: TableFacts, policies: Policies = {}) {
    this.energy = energy
    this.facts = facts
    const { schema } = energy.inputs!
    this.coder = new TableCoder(Object.keys(policies).length === 0 ? schema! : withPolicies(schema!, policies))
  }

  get schema(): Schema {
    return this.coder.schema
  }

  /** The same energy for rows under other policies. */
  with(policies: Policies): TableModel {
    const { missing, unseen, range } = policies
    const given = { ...(missing !== undefined && { missing }), ...(unseen && { unseen }), ...(range && { range }) }
    return new TableModel(this.energy, this.facts, given)
  }

  /** Share of the training rows, in percent, whose energy is at most this. */
  percentile(energy: number): number {
    const { energies } = this.facts
    const last = energies.length - 1
    if (energy < energies[0]!) return 0
    let [low, high] = [0, last + 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (energies[middle]! <= energy) low = middle + 1
      else high = middle
    }
    // Of the quantiles, the last that is not above; between two of them it is straight.
    const at = low - 1
    if (at === last) return 100
    const gap = energies[at + 1]! - energies[at]!
    return (100 * (at + (energy - energies[at]!) / gap)) / last
  }

  /** @throws (rejects) ERR_LANGEVIN_IO */
  async save(path: string): Promise<void> {
    const parameters = await this.energy.parameters()
    try {
      const facts = JSON.stringify({ version: VERSION, ...this.facts })
      await writeSafetensors(path, parameters, { ...networkMetadata(this.energy), [KEY]: facts })
    } finally {
      for (const value of Object.values(parameters)) value.dispose()
    }
  }

  /** @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (no such file, or one of something else) */
  static async load(path: string): Promise<TableModel> {
    const { metadata } = await readSafetensors(path)
    const text = metadata[KEY]
    if (text === undefined)
      throw formatError(path, undefined, 'the file holds no model of a table: langevin table fit writes one')
    const facts = factsIn(path, text)
    const energy = await Energy.load(path)
    if (energy.inputs?.schema === undefined) {
      energy.dispose()
      throw formatError(path, undefined, 'the file says nothing of the columns of its table')
    }
    return new TableModel(energy, facts)
  }

  dispose(): void {
    this.energy.dispose()
  }
}

function factsIn(path: string, text: string): TableFacts {
  try {
    const { version, ...facts } = JSON.parse(text) as TableFacts & { version: number }
    requireOptions('table', facts, ['rows', 'energies', 'form'])
    requireOptions('table.form', facts.form, ['delimiter', 'header', 'missing', 'decimal'])
    const { energies, form, rows } = facts
    const texts =
      [form.delimiter, form.missing].every((value) => typeof value === 'string') && /^[.,]$/.test(form.decimal)
    if (version !== VERSION) throw new Error(`version ${version}; this langevin reads ${VERSION}`)
    if (!Array.isArray(energies) || energies.length < 2 || !energies.every(Number.isFinite) || !texts || !(rows > 0))
      throw new Error('its members are not those of a table')
    return facts
  } catch (cause) {
    throw formatError(path, undefined, `what it says of its table cannot be read: ${(cause as Error).message}`, cause)
  }
}

/** Evenly spaced quantiles of energies. */
export function energyQuantiles(energies: Float32Array | Float64Array): number[] {
  const sorted = Float64Array.from(energies).sort()
  return Array.from({ length: QUANTILES }, (_, k) => {
    const at = (k / (QUANTILES - 1)) * (sorted.length - 1)
    const i = Math.min(Math.floor(at), sorted.length - 1)
    const next = sorted[Math.min(i + 1, sorted.length - 1)]!
    return sorted[i]! + (next - sorted[i]!) * (at - i)
  })
}

/**
 * The columns of a table to score, in the order of the model, found by name.
 *
 * @param optional columns that may be missing
 * @param path the file, for the message
 * @param called what the schema is of, for the message
 * @throws ERR_LANGEVIN_INVALID_OPTION naming those that are missing or unknown
 */
export function requireColumns(
  schema: Schema,
  names: readonly string[],
  {
    optional = [],
    path,
    called = 'the model',
  }: { optional?: readonly string[]; path?: string | undefined; called?: string | undefined } = {},
): void {
  const known = schema.columns.map(({ name }) => name)
  const missing = known.filter((name) => !names.includes(name) && !optional.includes(name))
  const extra = names.filter((name) => !known.includes(name))
  if (missing.length + extra.length === 0) return
  const quoted = (list: readonly string[]) => list.map((name) => `'${name}'`).join(', ')
  const parts = [
    ...(missing.length > 0 ? [`${quoted(missing)} ${missing.length === 1 ? 'is' : 'are'} missing`] : []),
    ...(extra.length > 0
      ? [`${called} does not know ${quoted(extra)}; leave out what is not for it: --ignore ${extra.join(',')}`]
      : []),
  ]
  const where = path === undefined ? '' : `${path}: `
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `${where}the columns do not fit ${called}: ${parts.join('; ')}`,
    {
      details: { missing, extra, columns: known },
    },
  )
}
