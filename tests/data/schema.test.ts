/** Schemas of tables: what columns are, rows as numbers and back, policies, and tables that are not as they should be. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { levelsOf, withPolicies } from '../../src/columns/index.js'
import {
  type Dataset,
  data,
  Energy,
  energies,
  objectives,
  perturbations,
  sample,
  samplers,
  train,
} from '../../src/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-schema-'))
let files = 0
async function table(text: string, options: Parameters<typeof data.csv>[1] = {}): Promise<Dataset> {
  const path = join(folder, `t${files++}.csv`)
  writeFileSync(path, text)
  return await data.csv(path, { missing: 'keep', ...options })
}

/** Thirty rows: age, hours, month, grade, job, sex. */
const line = (i: number) =>
  [
    20 + ((i * 7) % 30),
    i % 3 === 0 ? 37.5 : 40 + (i % 5),
    (i % 12) + 1,
    i % 4,
    ['cook', 'smith', 'clerk'][i % 3],
    i % 2 ? 'f' : 'm',
  ].join(',')
const HEAD = 'age,hours,month,grade,job,sex\n'
const TEXT = `${HEAD}${Array.from({ length: 30 }, (_, i) => line(i)).join('\n')}\n`
const CHOICES = { month: 'cyclic(12)', grade: 'ordinal' }

const cellsOf = (rows: Dataset) =>
  rows.columns.map((name) => {
    const values = [...(rows.column(name).toTypedArray() as unknown as Iterable<number | bigint>)].map(Number)
    return rows.categories[name] ? values.map((code) => rows.categories[name]![code]) : values
  })

describe('data.schema', () => {
  it('says what the columns are, and why', async () => {
    const { schema, reasons } = data.schema(await table(TEXT), { columns: CHOICES })
    expect(schema.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'age numeric',
      'hours numeric',
      'month cyclic',
      'grade ordinal',
      'job categorical',
      'sex binary',
    ])
    expect(schema.columns[0]).toMatchObject({ low: 20, high: 49, decimals: 0, missing: 'error', range: 'error' })
    expect(schema.columns[1]).toMatchObject({ decimals: 1 })
    expect(schema.columns[2]).toMatchObject({ levels: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] })
    expect(schema.columns[4]).toMatchObject({ levels: ['clerk', 'cook', 'smith'] })
    expect(reasons.job).toBe('categorical(3): 3 different texts')
    expect(reasons.month).toContain('as it was said')
    // A ring that is not named as one is a number, and that is said.
    expect(data.schema(await table(TEXT)).reasons.grade).toContain('only 4 different whole ones, 0 to 3')
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  })

  it('encodes rows and gives them back', async () => {
    const rows = await table(TEXT)
    const { schema } = data.schema(rows, { columns: CHOICES })
    const { rows: x, replaced } = data.encode(rows, schema)
    expect(x.shape).toEqual([30, 8]) // 2 numbers, 2 places, 3 one-hot, 1 bit
    expect(replaced).toEqual({})
    const first = (x.toArray() as number[][])[4]!
    // Month 5 is place 4, 'smith' the third job in the order of texts, 'm' the second sex.
    expect(first.slice(2)).toEqual([4, 0, 0, 0, 1, 1])
    expect(cellsOf(data.decode(x, schema))).toEqual(cellsOf(rows))
    // Of another order of columns the numbers are the same.
    const names = ['sex', 'job', 'grade', 'month', 'hours', 'age']
    const turned = data.fromRows(
      Array.from({ length: 30 }, (_, i) => {
        const cells = Object.fromEntries(rows.columns.map((name, k) => [name, cellsOf(rows)[k]![i]!]))
        return Object.fromEntries(names.map((name) => [name, cells[name]]))
      }),
    )
    expect(data.encode(turned, schema).rows.toArray()).toEqual(x.toArray())
  })

  it('takes levels of texts in the order that is given, and refuses to guess one', async () => {
    const rows = await table('size\nS\nL\nM\nL\n')
    const levels = ['S', 'M', 'L']
    const { schema } = data.schema(rows, { columns: { size: { kind: 'ordinal', levels } } })
    expect(data.encode(rows, schema).rows.toArray()).toEqual([[0], [2], [1], [2]])
    expect(refusal(() => data.schema(rows, { columns: { size: 'ordinal' } })).message).toContain('texts have no order')
    const foreign = refusal(() => data.schema(rows, { columns: { size: { kind: 'ordinal', levels: ['S', 'L'] } } }))
    expect(foreign.message).toContain("column 'size', row 3: 'M' is not among its levels")
    const months = await table('month\n2\n5\n11\n')
    expect(refusal(() => data.schema(months, { columns: { month: 'cyclic' } })).message).toContain('leave gaps')
    expect(refusal(() => data.schema(months, { columns: { month: 'cyclic(12)' } })).message).toContain('at 0 or at 1')
    expect(refusal(() => data.schema(months, { columns: { month: 'cyclic(5)' } })).message).toContain('not 5 levels')
    expect(refusal(() => data.schema(months, { columns: { month: 'weekly' } })).message).toContain('no kind of column')
  })
})

describe('policies', () => {
  const TRAINED = `${HEAD}${Array.from({ length: 29 }, (_, i) => line(i)).join('\n')}\n,38,4,1,NA,m\n`
  const options = { columns: CHOICES, missing: ['mean', 'own-level'] } as const

  it('are errors by default, naming column and row', async () => {
    const rows = await table(TRAINED)
    const error = refusal(() => data.schema(rows, { columns: CHOICES }))
    expect(error.message).toContain("column 'age', row 30: the cell is missing")
    expect(error.details).toMatchObject({ column: 'age', row: 30 })
    const { schema } = data.schema(await table(TEXT), { columns: CHOICES })
    const encode = async (last: string) => {
      const asked = await table(`${HEAD}${line(0)}\n${last}\n`, { columns: { job: 'categorical', sex: 'categorical' } })
      return refusal(() => data.encode(asked, schema))
    }
    const cases: [string, string, string][] = [
      ['95,40,1,1,cook,m', 'age', '95 is outside of 20 to 49'],
      ['30,40,1,1,pilot,m', 'job', "'pilot' is not a level the model knows"],
      ['30,40,13,1,cook,m', 'month', '13 is not a level'],
      ['30,40,1,1,cook,', 'sex', 'the cell is missing'],
      ['30,,1,1,cook,m', 'hours', 'the cell is missing'],
    ]
    for (const [text, column, words] of cases) {
      const found = await encode(text)
      expect(found.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
      expect(found.message).toContain(words)
      expect(found.details).toMatchObject({ column, row: 2 })
    }
  })

  it('replace what they are for, and count it', async () => {
    const rows = await table(TRAINED)
    const { schema } = data.schema(rows, options)
    const job = schema.columns[4]!
    expect(job.kind !== 'numeric' && levelsOf(job)).toBe(4)
    const { rows: x, replaced } = data.encode(rows, schema)
    expect(replaced).toEqual({ age: { missing: 1, unseen: 0, range: 0 }, job: { missing: 1, unseen: 0, range: 0 } })
    expect((x.toArray() as number[][])[29]!.slice(4, 8)).toEqual([0, 0, 0, 1])
    // A level of its own is a missing cell again, by the mark of the table.
    expect(cellsOf(data.decode(x, schema))[4]![29]).toBe('NA')
    const mean = schema.columns[0]!.kind === 'numeric' ? schema.columns[0]!.mean : Number.NaN
    expect(cellsOf(data.decode(x, schema))[0]![29]).toBe(Math.round(mean))

    const other = withPolicies(schema, { unseen: 'mode', range: 'clamp' })
    const odd = await table(`${HEAD}95,40,1,1,pilot,m\n30,40,1,1,cook,x\n`)
    const told = data.encode(odd, other)
    expect(told.replaced).toEqual({
      age: { missing: 0, unseen: 0, range: 1 },
      job: { missing: 0, unseen: 1, range: 0 },
      sex: { missing: 0, unseen: 1, range: 0 },
    })
    expect(cellsOf(data.decode(told.rows, other))[0]).toEqual([49, 30])
    // As it is: farther than any number seen.
    const kept = data.encode(odd, withPolicies(schema, { unseen: 'mode', range: 'keep' }))
    expect((kept.rows.toArray() as number[][])[0]![0]).toBeGreaterThan(5.2)
  })
})

describe('bad tables', () => {
  it.each<[string, string, string]>([
    ['one level', 'a,b\n1,x\n2,x\n3,x\n', "column 'b' has one level ('x')"],
    ['a column without a cell', 'a,b\n1,\n2,\n3,\n', "column 'b': every cell is missing"],
    ['every cell missing', 'a,b\n?,NA\n?,\n', "column 'a': every cell is missing"],
  ])('%s', async (_, text, words) => {
    const rows = await table(text, { header: true })
    expect(refusal(() => data.schema(rows)).message).toContain(words)
  })

  it('an empty file, a header alone, rows of different lengths', async () => {
    for (const text of ['', 'a,b\n', 'a,b\n1,2\n3\n'])
      expect((await rejection(() => table(text))).code).toBe('ERR_LANGEVIN_FORMAT')
  })

  it('one column, one row, constant numbers', async () => {
    const one = await table('a\n1\n2\n3\n')
    const { schema } = data.schema(one)
    expect(cellsOf(data.decode(data.encode(one, schema).rows, schema))).toEqual([[1, 2, 3]])
    const constant = await table('a,b\n5,x\n5,y\n')
    const same = data.schema(constant)
    expect(same.reasons.a).toContain('all the same')
    expect(cellsOf(data.decode(data.encode(constant, same.schema).rows, same.schema))[0]).toEqual([5, 5])
  })

  it('10^5 levels are refused, unless they are asked for', async () => {
    const many = await table(`id,a\n${Array.from({ length: 100_000 }, (_, i) => `m${i},${i % 7}`).join('\n')}\n`)
    const error = refusal(() => data.schema(many))
    expect(error.message).toContain("column 'id' has 100000 levels")
    expect(error.details).toMatchObject({ column: 'id' })
    const { schema } = data.schema(many, { columns: { id: 'categorical' } })
    expect(schema.columns[0]).toMatchObject({ kind: 'categorical' })
  })

  it('unicode and quoted names, a byte-order mark, cells with line ends', async () => {
    const text = '\ufeff"größe, cm","farbe ""x""",名\n170,"rot, hell",a\n180,"blau\nneu",b\n175,"rot, hell",a\n'
    const rows = await table(text)
    expect(rows.columns).toEqual(['größe, cm', 'farbe "x"', '名'])
    const { schema } = data.schema(rows)
    expect(cellsOf(data.decode(data.encode(rows, schema).rows, schema))).toEqual(cellsOf(rows))
  })
})

describe('a model with a schema', () => {
  it('takes rows of the table, keeps the schema in its file, and refuses other columns', async () => {
    const rows = await table(TEXT)
    const { schema } = data.schema(rows, { columns: CHOICES })
    const spec = energies.mixed({ columns: schema, hidden: [16] })
    expect(spec).toMatchObject({ kind: 'mlp', input: 8, embedding: 4, embed: 'levels', gaussianBase: 1 })
    await using model = await Energy.create(spec, { seed: 1, inputs: data.inputs(rows, { schema }) })
    const objective = objectives.energyDiscrepancy({ perturbation: perturbations.structured(), negatives: 4 })
    await train(model, rows, { objective, steps: 5, batchSize: 30 }).done
    const path = join(folder, 'people.safetensors')
    await model.save(path)
    await using loaded = await Energy.load(path)
    expect(loaded.inputs!.schema).toEqual(schema)
    const energy = (await loaded.energy(rows)).toArray()
    expect(energy).toEqual((await model.energy(rows)).toArray())
    // Encoded rows are the same rows.
    expect((await loaded.energy(data.encode(rows, schema).rows)).toArray()).toEqual(energy)
    const less = await rejection(() => loaded.energy(rows.drop(['age'])))
    expect(less.message).toContain("'age'")
    const more = await table(
      TEXT.replace('age,', 'id,')
        .replace('sex\n', 'sex,age\n')
        .replaceAll(/([fm])\n/g, '$1,3\n'),
    )
    expect((await rejection(() => loaded.energy(more))).message).toContain("'id'")
    const { samples } = await sample(loaded, {
      chains: 20,
      sampler: samplers.blockwise({
        steps: 5,
        kernels: [
          { on: 'real', sampler: samplers.mala({ steps: 1, stepSize: 0.1 }) },
          { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
        ],
      }),
    }).done
    const drawn = data.decode(samples, schema)
    expect(drawn.columns).toEqual(rows.columns)
    expect(cellsOf(drawn)[2]!.every((month) => Number(month) >= 1 && Number(month) <= 12)).toBe(true)
  })

  it('is refused where states and schema differ, and by files that do not know schemas', async () => {
    const rows = await table(TEXT)
    const { schema } = data.schema(rows, { columns: CHOICES })
    const inputs = data.inputs(rows, { schema })
    const plain = await rejection(() => Energy.create(energies.mlp({ input: 8, hidden: [4] }), { inputs }))
    expect(plain.message).toContain("column 'month' is cyclic of 12 levels in the schema and real")
    const other = data.schema(rows, { columns: { ...CHOICES, grade: 'cyclic' } }).schema
    const error = await rejection(() => Energy.create(energies.mixed({ columns: other, hidden: [4] }), { inputs }))
    expect(error.message).toContain("column 'grade' is ordinal of 4 levels in the schema and cyclic")
    await using model = await Energy.create(energies.mixed({ columns: schema, hidden: [4] }), { inputs })
    const path = join(folder, 'scorer.safetensors')
    expect((await rejection(() => model.exportScorer(path))).code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect((await rejection(() => model.exportOnnx(path))).code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    const broken = { ...inputs, schema: { ...schema, columns: schema.columns.slice(1) } }
    expect(
      (await rejection(() => Energy.create(energies.mixed({ columns: schema, hidden: [4] }), { inputs: broken })))
        .message,
    ).toContain('in this order')
  })
})
