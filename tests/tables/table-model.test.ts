/** Models of tables against enumeration: conditional laws, completion, contributions, percentiles. */
import { describe, expect, it } from 'vitest'
import { normalQuantile } from '../../src/columns/normal.js'
import type { Column } from '../../src/data/dataset.js'
import { Dataset, data, Energy, energies, tables } from '../../src/index.js'
import { classifyTable, completeTable, drawTable, scoreTable, TableModel } from '../../src/tables/index.js'

const JOBS = ['clerk', 'cook', 'smith', 'tailor']
const TOWNS = ['a', 'b', 'c']
/** Every pair of job and town, and ages 20 to 60. */
const people = data.fromRows(
  Array.from({ length: 120 }, (_, i) => ({
    age: 20 + ((i * 7) % 41),
    job: JOBS[i % 4]!,
    town: TOWNS[Math.floor(i / 4) % 3]!,
  })),
)
const { schema } = data.schema(people)

/** An energy with weights large enough that columns depend on each other. */
async function randomModel(own = schema): Promise<TableModel> {
  const spec = energies.mixed({ columns: own, hidden: [16], activation: 'tanh' })
  const energy = await Energy.create(spec, { seed: 3, inputs: data.inputs(people, { schema: own }) })
  const parameters = await energy.parameters()
  const larger = Object.entries(parameters).map(([name, value]) => {
    const factor = name.startsWith('embeddings') ? 1 : 5
    return [name, (value.toArray() as number[][]).map((row) => (Array.isArray(row) ? row.map((v) => v * factor) : row))]
  })
  await energy.setParameters(Object.fromEntries(larger))
  const facts = {
    rows: 120,
    energies: [0, 1, 1, 3],
    form: { delimiter: ',', header: true, missing: '', decimal: '.' },
  } as const
  return new TableModel(energy, facts)
}

const rowsOf = (list: readonly (readonly [number, string, string])[]) =>
  data.fromRows(list.map(([age, job, town]) => ({ age, job, town })))
const energiesOf = async (model: TableModel, rows: Dataset) => (await model.energy.energy(rows)).toArray() as number[]
const softmax = (energies: readonly number[]) => {
  const weights = energies.map((e) => Math.exp(energies[0]! - e))
  return weights.map((w) => w / weights.reduce((a, b) => a + b))
}
const texts = (table: Dataset, name: string) =>
  [...(table.column(name).toTypedArray() as BigInt64Array)].map((code) => table.categories[name]![Number(code)]!)

describe('classify', () => {
  it('is the softmax of minus the energies over the levels, whatever the cell of the label says', async () => {
    const model = await randomModel()
    const asked: [number, string, string][] = [
      [30, 'cook', 'a'],
      [55, 'tailor', 'c'],
    ]
    const { levels, probabilities, truth } = await classifyTable(model, rowsOf(asked), 'job')
    expect(levels).toEqual(JOBS)
    expect([...truth]).toEqual([1, 3])
    for (const [i, [age, , town]] of asked.entries()) {
      const exact = softmax(await energiesOf(model, rowsOf(JOBS.map((job) => [age, job, town] as const))))
      // Energies of about 10 in float32.
      for (const [k, p] of exact.entries()) expect(Math.abs(probabilities[i]![k]! - p)).toBeLessThan(1e-5)
    }
    const without = await classifyTable(model, rowsOf(asked).drop(['job']), 'job')
    expect(without.probabilities).toEqual(probabilities)
    expect([...without.truth]).toEqual([-1, -1])
    model.dispose()
  })
})

describe('score', () => {
  it('contributions are the energy minus its mean over the values of a column', async () => {
    const model = await randomModel()
    const row = [30, 'cook', 'a'] as const
    const { energies: found, contributions } = await scoreTable(model, rowsOf([row]), { contributions: true })
    const own = (await energiesOf(model, rowsOf([row])))[0]!
    expect(found[0]).toBeCloseTo(own, 5)
    const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length
    const jobs = mean(await energiesOf(model, rowsOf(JOBS.map((job) => [30, job, 'a'] as const))))
    expect(contributions!.get('job')![0]).toBeCloseTo(own - jobs, 4)
    const encoded = (data.encode(rowsOf([row]), schema).rows.toArray() as number[][])[0]!
    const moved = Array.from({ length: 16 }, (_, k) => [normalQuantile((k + 0.5) / 16), ...encoded.slice(1)])
    const ages = mean((await model.energy.energy(moved)).toArray() as number[])
    expect(contributions!.get('age')![0]).toBeCloseTo(own - ages, 4)
    model.dispose()
  })

  it.each(['none', 'standardize', 'log'] as const)(
    'contributions stay in the range of a column: %s',
    async (transform) => {
      const { schema: own } = data.schema(people, { columns: { age: { kind: 'numeric', transform } } })
      const model = await randomModel(own)
      const row = [30, 'cook', 'a'] as const
      const { energies: found, contributions } = await scoreTable(model, rowsOf([row]), { contributions: true })
      // Evenly spaced as the network sees them, which of a logarithm is not evenly spaced in years.
      const [low, high] = [20, 60].map((age) => (transform === 'log' ? Math.log1p(age) : age)) as [number, number]
      const years = Array.from({ length: 16 }, (_, k) => low + ((k + 0.5) / 16) * (high - low))
      const ages = years.map((x) => (transform === 'log' ? Math.expm1(x) : x))
      const moved = await energiesOf(model, rowsOf(ages.map((age) => [age, 'cook', 'a'] as const)))
      const mean = moved.reduce((a, b) => a + b, 0) / moved.length
      expect(contributions!.get('age')![0]).toBeCloseTo(found[0]! - mean, 4)
      model.dispose()
    },
  )

  it('percentiles are shares of training rows', async () => {
    const model = await randomModel()
    expect([-1, 0, 0.5, 1, 2, 3, 9].map((e) => Math.round(10 * model.percentile(e)) / 10)).toEqual([
      0, 0, 16.7, 66.7, 83.3, 100, 100,
    ])
    model.dispose()
  })
})

describe('draw', () => {
  it('several rows of a chain have the law of the model, as many as were asked for', async () => {
    const model = await randomModel()
    const n = 2003
    const { table, diagnostics } = await drawTable(model, n, { rounds: 100, seed: 4 })
    expect(table.length).toBe(n)
    expect(diagnostics.rhat).toBeLessThan(1.05)
    // The law of the town by a sum over the jobs and a grid over the age as the network sees it.
    const zs = Array.from({ length: 400 }, (_, k) => -6 + (12 * (k + 0.5)) / 400)
    const encoded = data.encode(rowsOf(TOWNS.flatMap((town) => JOBS.map((job) => [30, job, town] as const))), schema)
    const tails = (encoded.rows.toArray() as number[][]).map((row) => row.slice(1))
    const e = (await model.energy.energy(tails.flatMap((tail) => zs.map((z) => [z, ...tail])))).toArray() as number[]
    const p = softmax(e)
    const towns = texts(table, 'town')
    for (const [k, town] of TOWNS.entries()) {
      const each = JOBS.length * zs.length
      const exact = p.slice(k * each, (k + 1) * each).reduce((sum, value) => sum + value, 0)
      const share = towns.filter((found) => found === town).length / n
      // 4.5 standard errors of as many independent rows as there are chains, 251 of them: rows of a chain may depend on each other.
      expect(Math.abs(share - exact)).toBeLessThan(4.5 * Math.sqrt((exact * (1 - exact)) / 251))
      expect(Math.abs(exact - 1 / 3)).toBeGreaterThan(0.02)
    }
    const again = await drawTable(model, n, { rounds: 100, seed: 4 })
    expect(again.table.column('age').toArray()).toEqual(table.column('age').toArray())
    // The rows of a chain differ: no part of the table is the one before (equal ages by chance: a quarter).
    const ages = table.column('age').toArray() as number[]
    expect(ages.slice(0, 251).filter((age, i) => age === ages[251 + i]).length).toBeLessThan(125)
    model.dispose()
  })
})

describe('complete', () => {
  it('draws missing cells from their law given the others, which stay', async () => {
    const model = await randomModel()
    const n = 3000
    // Rows of two kinds, whose town is missing.
    const given = data.fromRows(
      Array.from({ length: n }, (_, i) => ({ age: i % 2 ? 30 : 50, job: i % 2 ? 'cook' : 'smith', town: '' })),
    )
    const { table, filled } = await completeTable(model, given, { rounds: 3, seed: 1 })
    expect(filled).toEqual({ town: n })
    expect(table.column('age').toArray()).toEqual(given.column('age').toArray())
    expect(texts(table, 'job')).toEqual(texts(given, 'job'))
    const free = texts((await drawTable(model, n, { rounds: 100, seed: 1 })).table, 'town')
    const towns = texts(table, 'town')
    let apart = 0
    for (const [kind, age, job] of [
      [1, 30, 'cook'],
      [0, 50, 'smith'],
    ] as const) {
      const exact = softmax(await energiesOf(model, rowsOf(TOWNS.map((town) => [age, job, town] as const))))
      const own = towns.filter((_, i) => i % 2 === kind)
      const miss = (of: readonly string[]) =>
        exact.map(
          (p, k) =>
            Math.abs(of.filter((town) => town === TOWNS[k]).length / of.length - p) /
            Math.sqrt((p * (1 - p)) / of.length),
        )
      // Standard errors of shares of 1500 independent rows.
      expect(Math.max(...miss(own))).toBeLessThan(4.5)
      apart = Math.max(apart, ...miss(free))
    }
    // Rows that are drawn without the given cells have another law, which the same test refuses.
    expect(apart).toBeGreaterThan(8)
    model.dispose()
  })

  it('draws numbers from their law given the categories', async () => {
    const model = await randomModel()
    const n = 2000
    const given = data.fromRows(Array.from({ length: n }, () => ({ age: 0, job: 'cook', town: 'a' })))
    const columns: [string, Column][] = (['job', 'town'] as const).map((name) => [
      name,
      { values: given.column(name), categories: given.categories[name] },
    ])
    const age = data.fromArrays({ age: new Float64Array(n).fill(Number.NaN) }).column('age')
    const table = new Dataset(new Map([['age', { values: age }], ...columns]))
    const { table: full } = await completeTable(model, table, { rounds: 100, seed: 2 })
    const ages = [...(full.column('age').toTypedArray() as Float64Array)]
    // The law of z on a grid, whose probabilities are those of age by the quantiles of the transform.
    const grid = Array.from({ length: 4000 }, (_, k) => -6 + (12 * (k + 0.5)) / 4000)
    const tail = (data.encode(rowsOf([[30, 'cook', 'a']]), schema).rows.toArray() as number[][])[0]!.slice(1)
    const p = softmax((await model.energy.energy(grid.map((z) => [z, ...tail]))).toArray() as number[])
    const back = data
      .decode(
        grid.map((z) => [z, ...tail]),
        schema,
      )
      .column('age')
      .toArray() as number[]
    for (const limit of [28, 35, 42, 50]) {
      const exact = p.reduce((sum, each, k) => sum + (back[k]! <= limit ? each : 0), 0)
      const share = ages.filter((age) => age <= limit).length / n
      // 4.5 standard errors of independent chains.
      expect(Math.abs(share - exact)).toBeLessThan(4.5 * Math.sqrt((exact * (1 - exact)) / n) + 1e-3)
    }
    model.dispose()
  })
})

describe('the calls of tables', () => {
  it('refuse what is no table and no model, and options they do not have', async () => {
    const model = await randomModel()
    const odd = model as never
    const calls: [() => Promise<unknown>, string][] = [
      [() => tables.fit([[1, 2]] as never), 'table: expected a data set'],
      [() => tables.fit(people, { step: 3 } as never), "did you mean 'steps'"],
      [() => tables.score({} as never, people), 'model: expected a model of a table'],
      [() => tables.score(model, odd), 'table: expected a data set'],
      [() => tables.score(model, people, { contribution: true } as never), "did you mean 'contributions'"],
      [() => tables.sample(model, 0), 'rows: must be a whole number of at least 1, got 0'],
      [() => tables.sample(model, 3, { round: 2 } as never), "did you mean 'rounds'"],
      [() => tables.complete(model, odd), 'table: expected a data set'],
      [() => tables.classify({} as never, people, 'job'), 'model: expected a model of a table'],
      [() => tables.compare(people, odd), 'synthetic: expected a data set'],
    ]
    for (const [call, words] of calls)
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_INVALID_OPTION',
        message: expect.stringContaining(words),
      })
    model.dispose()
  })

  it('find out what the columns are where no schema is given', async () => {
    const { model, result } = await tables.fit(people, { hidden: [8], steps: 5, seed: 1 })
    expect(result.history.length).toBeGreaterThan(0)
    expect(model.schema.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['age', 'numeric'],
      ['job', 'categorical'],
      ['town', 'categorical'],
    ])
    expect(model.facts).toMatchObject({ rows: 120, form: { delimiter: ',', header: true } })
    model.dispose()
  })
})
