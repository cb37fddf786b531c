/** Changes of dtype that would change numbers, and row numbers that are none, are refused. */
import { expect, test } from 'vitest'
import { type Dtype, data, tensor } from '../../src/index.js'
import { refusal } from '../helpers/errors.js'

test.each<[(number | bigint)[], Dtype, Dtype, string]>([
  [[256.7, -1], 'float32', 'uint8', '256.7 at data[0]'],
  [[1, -1], 'float64', 'uint8', '-1 at data[1]'],
  [[1, 256], 'int64', 'uint8', '256 at data[1]'],
  [[0.5], 'float64', 'int64', '0.5 at data[0]'],
  [[Number.NaN], 'float32', 'int64', 'nan at data[0]'],
  [[Number.POSITIVE_INFINITY], 'float64', 'int64', 'inf at data[0]'],
  [[2 ** 63], 'float64', 'int64', 'at data[0]'],
  [[-(2 ** 64)], 'float32', 'int64', 'at data[0]'],
  [[0, 1, 2], 'uint8', 'bool', '2 at data[2]'],
  [[0.25], 'bfloat16', 'uint8', '0.25 at data[0]'],
])('%j as %s does not become %s', (numbers, from, to, told) => {
  const error = refusal(() => tensor(numbers as number[], undefined, from).to(to))
  expect(error.code).toBe('ERR_LANGEVIN_DTYPE')
  expect(error.message).toContain(told)
  expect(error.message).toContain(`does not fit dtype ${to}`)
})

test('the place of a number is told by all of its axes', () => {
  const error = refusal(() =>
    tensor([
      [1, 2],
      [3, 300],
    ]).to('uint8'),
  )
  expect(error.message).toContain('the value 300 at data[1][1]')
  expect(error.details).toMatchObject({ position: 3, dtype: 'uint8' })
})

test('what fits is converted, and floating-point dtypes round', () => {
  expect(tensor([0, 255, 7]).to('uint8').toArray()).toEqual([0, 255, 7])
  expect(
    tensor([-3, 2 ** 40], undefined, 'float64')
      .to('int64')
      .toArray(),
  ).toEqual([-3, 2 ** 40])
  expect(
    tensor([-(2 ** 63)], undefined, 'float64')
      .to('int64')
      .toTypedArray()[0],
  ).toBe(-(2n ** 63n))
  expect(tensor([0, 1]).to('bool').toArray()).toEqual([false, true])
  expect(tensor([true, false]).to('int64').toArray()).toEqual([1, 0])
  expect(tensor([0.1], undefined, 'float64').to('float32').toArray()).toEqual([Math.fround(0.1)])
  expect(tensor([]).to('uint8').shape).toEqual([0])
})

test('a data set joins its columns with the same care', () => {
  const set = data.fromArrays({ a: [1, 2], b: [0.5, 300] })
  expect(refusal(() => set.toTensor(['a', 'b'], 'uint8')).message).toContain('does not fit dtype uint8')
  expect(set.toTensor(['a'], 'uint8').toArray()).toEqual([[1], [2]])
})

test('a row number is one of a row there is', () => {
  const rows = tensor([[1], [2], [3]])
  const error = refusal(() => rows.index([-1]))
  expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  expect(error.message).toBe(
    'rows[0]: there is no row -1; the rows are 0 to 2 (a negative number does not count from the end: write 2)',
  )
  expect(refusal(() => rows.index([0, 3])).message).toBe('rows[1]: there is no row 3; the rows are 0 to 2')
  expect(refusal(() => rows.index([0.5])).code).toBe('ERR_LANGEVIN_DTYPE')
  expect(refusal(() => rows.index(tensor([Number.NaN]))).code).toBe('ERR_LANGEVIN_DTYPE')
  expect(refusal(() => data.fromArrays({ x: [1, 2] }).select([-1])).message).toContain('write 1')
  expect(rows.index([2, 0, 2]).toArray()).toEqual([[3], [1], [3]])
})
