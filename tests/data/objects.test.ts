/** data.fromRows, and categorical columns where numbers are wanted. */
import { describe, expect, test } from 'vitest'
import {
  data,
  detectors,
  Energy,
  energies,
  evaluate,
  evaluateObjective,
  objectives,
  ood,
  partition,
  train,
} from '../../src/index.js'
import { refusal, rejection } from '../helpers/errors.js'

describe('data.fromRows', () => {
  const rows = [
    { temp: 21.5, rpm: 900, state: 'ok', on: true, spectrum: [1, 2], y: 1 },
    { temp: -4, rpm: 1e9 + 1, state: 'hot', on: false, spectrum: [3, 4], y: 0 },
  ]

  test('numbers, texts, booleans and arrays', () => {
    const set = data.fromRows(rows)
    expect([set.columns, set.label]).toEqual([['temp', 'rpm', 'state', 'on', 'spectrum', 'y'], 'y'])
    expect(set.kinds.state).toBe('categorical')
    expect(set.categories).toEqual({ state: ['hot', 'ok'] })
    expect(set.toTensor(['spectrum', 'rpm', 'temp', 'on']).toArray()).toEqual([
      [1, 2, 900, 21.5, 1],
      [3, 4, 1e9 + 1, -4, 0],
    ])
    expect(set.labels()!.toArray()).toEqual([1, 0])
  })

  test('columns, their order, and keys to ignore', () => {
    const reversed = rows.map((row) => Object.fromEntries(Object.entries(row).reverse()))
    const options = { columns: ['rpm', 'temp'], ignore: ['state', 'on', 'spectrum', 'y'] }
    expect(data.fromRows(reversed, options).toTensor().toArray()).toEqual([
      [900, 21.5],
      [1e9 + 1, -4],
    ])
    // A request may leave out what is ignored.
    expect(data.fromRows([{ rpm: 1, temp: 2 }], options).columns).toEqual(['rpm', 'temp'])
  })

  test.each<[string, unknown, object, string, object]>([
    ['a missing key', [{ a: 1, b: 2 }, { a: 1 }], {}, "row 2 has no 'b'", { row: 2, column: 'b' }],
    ['an extra key', [{ a: 1 }, { a: 1, b: 2 }], {}, "row 2 has 'b', which is not a column", { row: 2, column: 'b' }],
    ['a column that no row has', [{ a: 1 }], { columns: ['a', 'c'] }, "row 1 has no 'c'", { row: 1, column: 'c' }],
    ['null', [{ a: 1 }, { a: null }], {}, "row 2, 'a' is missing (null)", { row: 2, column: 'a' }],
    ['undefined', [{ a: undefined }], {}, "row 1, 'a' is missing (undefined)", { row: 1, column: 'a' }],
    ['NaN', [{ a: 1 }, { a: Number.NaN }], {}, "row 2, 'a': NaN is not a finite number", { row: 2, column: 'a' }],
    ['a number as text', [{ a: 1 }, { a: '2' }], {}, "row 2, 'a' is the text '2', but row 1 has the number 1", {}],
    ['an object', [{ a: { b: 1 } }], {}, "row 1, 'a': [object Object] is not a finite number", {}],
    ['no rows', [], {}, 'needs at least one row', {}],
    ['rows as lists', [[1, 2]], {}, 'row 1 is not an object', { row: 1 }],
    ['one object', { a: 1 }, {}, 'takes a list of objects', {}],
    ['a misspelt option', [{ a: 1 }], { column: ['a'] }, "did you mean 'columns'", {}],
  ])('%s is refused by name', (_, given, options, message, details) => {
    const error = refusal(() => data.fromRows(given as never, options))
    expect([error.code, error.message]).toEqual(['ERR_LANGEVIN_INVALID_OPTION', expect.stringContaining(message)])
    expect(error.details).toMatchObject(details)
  })
})

describe('categorical columns are not numbers', () => {
  const set = data.fromRows([
    { id: 'm0000', a: 1, city: 'Bern' },
    { id: 'm0001', a: 2, city: 'Basel' },
  ])

  test('toTensor names them and says what to do', () => {
    const error = refusal(() => set.toTensor())
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.message).toBe(
      "dataset: columns 'id' ('m0000', row 1), 'city' ('Bern', row 1) contain text; leave them out with columns / " +
        '--ignore id,city, or ask for the codes of the categories: toTensor({ codes: true })',
    )
    expect(error.details).toEqual({ columns: ['id', 'city'] })
    expect(refusal(() => set.toTensor(['a', 'city'])).message).toContain(
      "column 'city' contains text ('Bern', row 1); leave it out with columns / --ignore city",
    )
    expect(refusal(() => set.select([]).toTensor()).message).toContain("'id'")
    // A decimal comma is the usual reason.
    expect(refusal(() => data.fromRows([{ a: '1,5' }]).toTensor()).message).toContain("{ decimal: ',' }")
  })

  test('they can be left out or asked for', () => {
    expect(set.toTensor(['a']).toArray()).toEqual([[1], [2]])
    const codes = [
      [0, 1, 1],
      [1, 2, 0],
    ]
    expect(set.toTensor({ codes: true }).toArray()).toEqual(codes)
    expect(set.toTensor({ codes: ['id', 'city'], dtype: 'float32' }).toArray()).toEqual(codes)
    expect(refusal(() => set.toTensor({ codes: ['id'] })).details).toEqual({ columns: ['city'] })
    expect(set.withLabel('city').toTensor(['a']).toArray()).toEqual([[1], [2]])
    expect(refusal(() => set.toTensor({ code: true } as object)).message).toContain("did you mean 'codes'")
  })

  test('nothing that takes a data set takes their codes', async () => {
    using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1 }))
    const objective = objectives.denoisingScoreMatching({ sigma: 0.1 })
    const detector = detectors.energy(model)
    const calls: [string, () => unknown][] = [
      ['standardize', () => set.standardize({ columns: ['city'] })],
      ['train', () => train(model, set, { objective, steps: 1 }).done],
      [
        'train, several labels',
        () => train(model, set, { objective, steps: 1, y: ['a', 'city'], columns: ['a'] }).done,
      ],
      ['evaluateObjective', () => evaluateObjective(model, set, { objective })],
      ['logLikelihood', () => evaluate.logLikelihood(model, set, { logZ: { kind: 'exact' } })],
      ['importance', () => partition.importance(model, { rows: set as never })],
      ['scores', () => ood.scores(detector, set)],
      ['evaluate', () => ood.evaluate({ detector, inDistribution: set, outOfDistribution: { far: set } })],
    ]
    for (const [name, call] of calls) {
      const error = await rejection(call)
      expect([name, error.message]).toEqual([name, expect.stringMatching(/contain.* text.*; leave (it|them) out/)])
    }
  })

  test('whole numbers beyond 2^24 are not rounded', () => {
    const seconds = data.fromArrays({ t: BigInt64Array.of(1_700_000_001n, 1_700_000_002n) })
    expect([seconds.toTensor().dtype, seconds.toTensor().toArray()]).toEqual([
      'float64',
      [[1_700_000_001], [1_700_000_002]],
    ])
  })
})
