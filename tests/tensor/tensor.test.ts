/** Tensor: sources, shapes, rows, numbers, disposal. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Dtype, memoryStats, type NestedArray, Tensor, tensor } from '../../src/index.js'
import { toRows } from '../../src/tensor/index.js'
import { collected } from '../helpers/collector.js'
import { refusal } from '../helpers/errors.js'

describe('tensor() of typed arrays', () => {
  it.each([
    [Float32Array.of(1.5, -2), 'float32', [1.5, -2]],
    [Float64Array.of(0.1, 1e300), 'float64', [0.1, 1e300]],
    [Int8Array.of(-128, 127), 'int64', [-128, 127]],
    [Int16Array.of(-32768, 5), 'int64', [-32768, 5]],
    [Uint16Array.of(65535, 0), 'int64', [65535, 0]],
    [Int32Array.of(-(2 ** 31), 2 ** 31 - 1), 'int64', [-(2 ** 31), 2 ** 31 - 1]],
    [Uint32Array.of(2 ** 32 - 1, 0), 'int64', [2 ** 32 - 1, 0]],
    [Uint8Array.of(0, 255), 'uint8', [0, 255]],
    [Uint8ClampedArray.of(0, 255), 'uint8', [0, 255]],
    [Buffer.from([1, 2]), 'uint8', [1, 2]],
    [BigInt64Array.of(-5n, 7n), 'int64', [-5, 7]],
    [BigUint64Array.of(5n, 7n), 'int64', [5, 7]],
  ] as const)('%o is %s', (array, dtype, values) => {
    using t = tensor(array)
    expect([t.dtype, t.shape, t.size, t.device]).toEqual([dtype, [2], 2, 'cpu'])
    expect(t.toArray()).toEqual(values)
  })

  it('copies: later changes of the array do not show', () => {
    const array = Float32Array.of(1, 2)
    const t = tensor(array)
    array[0] = 9
    expect(t.toArray()).toEqual([1, 2])
    ;(t.toTypedArray() as Float32Array)[1] = 9
    expect(t.toArray()).toEqual([1, 2])
  })

  it('takes a Uint16Array as raw bfloat16 words, and rounds numbers to bfloat16', () => {
    // 1 is 0x3f80, -2.5 is 0xc020: sign, 8 bits exponent, 7 bits fraction.
    const raw = tensor(Uint16Array.of(0x3f80, 0xc020), [2], 'bfloat16')
    expect(raw.dtype).toBe('bfloat16')
    expect(raw.toArray()).toEqual([1, -2.5])
    expect(raw.toTypedArray()).toEqual(Uint16Array.of(0x3f80, 0xc020))
    // 1 + 1/256 lies half-way between 1 and 1 + 1/128: ties go to the even fraction.
    expect(tensor([1, -2.5, 1 + 1 / 256], [3], 'bfloat16').toArray()).toEqual([1, -2.5, 1])
  })

  it('keeps NaN and infinities: judging them is the callers business', () => {
    expect(tensor([Number.NaN, Infinity, -Infinity]).toArray()).toEqual([Number.NaN, Infinity, -Infinity])
  })

  it('converts to the dtype asked for', () => {
    expect(tensor(Float64Array.of(1, 2), [2], 'int64').toTypedArray()).toEqual(BigInt64Array.of(1n, 2n))
    expect(tensor(Float32Array.of(0, 255), undefined, 'uint8').toArray()).toEqual([0, 255])
    expect(tensor(Uint8Array.of(0, 1), undefined, 'bool').toArray()).toEqual([false, true])
    expect(tensor(Float64Array.of(0.1), undefined, 'float32').toArray()).toEqual([Math.fround(0.1)])
    expect(tensor(BigInt64Array.of(3n), undefined, 'float64').toArray()).toEqual([3])
    expect(tensor(Uint16Array.of(3), undefined, 'float64').toArray()).toEqual([3])
  })

  it.each([
    [Float64Array.of(1, 2.5), 'int64', 1],
    [Float64Array.of(Number.NaN), 'int64', 0],
    [Float64Array.of(0, 2 ** 53), 'int64', 1],
    [Int16Array.of(0, 0, 256), 'uint8', 2],
    [Int16Array.of(-1), 'uint8', 0],
    [Uint8Array.of(0, 2), 'bool', 1],
    [BigUint64Array.of(2n ** 63n), undefined, 0],
    [BigInt64Array.of(0n, 256n), 'uint8', 1],
  ] as const)('%o as %s is refused at position %i', (array, dtype, position) => {
    const error = refusal(() => tensor(array, undefined, dtype))
    expect(error.code).toBe('ERR_LANGEVIN_DTYPE')
    expect(error.details.position).toBe(position)
    expect(error.message).toContain(`data[${position}]`)
  })

  it('copies shared memory and refuses detached buffers', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8))
    shared.set([1, 2])
    expect(tensor(shared).toArray()).toEqual([1, 2])
    const sharedBig = new BigInt64Array(new SharedArrayBuffer(8))
    expect(tensor(sharedBig).toArray()).toEqual([0])
    for (const Type of [Float32Array, Int32Array, BigInt64Array, Uint8Array]) {
      const buffer = new ArrayBuffer(16)
      const view = new Type(buffer)
      structuredClone(buffer, { transfer: [buffer] })
      const error = refusal(() => tensor(view))
      expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
      expect(error.message).toContain('detached')
    }
    expect(tensor(new Float32Array(0)).shape).toEqual([0])
  })

  it('refuses a DataView and an unknown dtype', () => {
    expect(refusal(() => tensor(new DataView(new ArrayBuffer(8)) as never)).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(refusal(() => tensor([1], undefined, 'float16' as Dtype)).message).toContain('bfloat16')
    expect(refusal(() => tensor(tensor([1]) as never)).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })
})

describe('tensor() of nested arrays', () => {
  it('infers the shape', () => {
    for (const [data, shape] of [
      [5, []],
      [[], [0]],
      [
        [[], []],
        [2, 0],
      ],
      [[[1, 2, 3]], [1, 3]],
      [[[[1], [2]]], [1, 2, 1]],
    ] as [NestedArray, number[]][]) {
      const t = tensor(data)
      expect([t.dtype, t.shape]).toEqual(['float32', shape])
      expect(t.toArray()).toEqual(data)
    }
  })

  it('reads booleans, bigints and numbers', () => {
    expect(tensor([[true, false]]).dtype).toBe('bool')
    expect(tensor([[true, false]]).toArray()).toEqual([[true, false]])
    expect(tensor([1n, -(2n ** 63n)]).toTypedArray()).toEqual(BigInt64Array.of(1n, -(2n ** 63n)))
    expect(tensor([1, 2], undefined, 'int64').dtype).toBe('int64')
    expect(tensor([0.1], undefined, 'float64').toArray()).toEqual([0.1])
  })

  it.each([
    ['a short row', [[1, 2], [3]], 'data[1]', '[1]'],
    ['a number among rows', [[1, 2], 3], 'data[1]', '[1]'],
    ['a row among numbers', [1, [2]], 'data[1]', '[1]'],
    [
      'deeper down',
      [
        [[1], [2]],
        [[3], [4, 5]],
      ],
      'data[1][1]',
      '[1][1]',
    ],
  ])('refuses ragged data: %s', (_, data, place, path) => {
    const error = refusal(() => tensor(data as NestedArray))
    expect(error.code).toBe('ERR_LANGEVIN_SHAPE')
    expect(error.message).toContain(place)
    expect(error.details.path).toBe(path)
  })

  it.each([
    ['text', [['a']], 'data[0][0]'],
    ['null', [1, null], 'data[1]'],
    ['undefined', [[1, undefined]], 'data[0][1]'],
    ['a hole', Object.assign(new Array(2), { 0: 1 }), 'data[1]'],
    ['an object', [1, {}], 'data[1]'],
    ['mixed kinds', [1, true], 'data[1]'],
    ['a bigint beyond int64', [2n ** 63n], 'data[0]'],
    ['nothing', undefined, 'data'],
    ['null itself', null, 'data'],
  ])('refuses %s', (_, data, place) => {
    const error = refusal(() => tensor(data as NestedArray))
    expect(error.code).toBe('ERR_LANGEVIN_DTYPE')
    expect(error.message).toContain(place)
  })

  it('refuses endless nesting', () => {
    const endless: unknown[] = []
    endless.push(endless)
    expect(refusal(() => tensor(endless as NestedArray)).code).toBe('ERR_LANGEVIN_SHAPE')
  })
})

describe('shapes', () => {
  it('given beside the data must hold as many numbers', () => {
    expect(tensor([1, 2, 3, 4], [2, 2]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(tensor(new Float32Array(0), [0, 7]).shape).toEqual([0, 7])
    for (const shape of [[3], [-1, -4], [1.5], ['4'], 4, [Number.NaN], [2 ** 53, 2 ** 53], null]) {
      expect(refusal(() => tensor([1, 2, 3, 4], shape as number[])).code).toBe('ERR_LANGEVIN_SHAPE')
    }
  })

  it('of 10 GB are refused before memory is asked for', async () => {
    await collected()
    const before = memoryStats()
    expect(refusal(() => tensor(Float32Array.of(1), [2_500_000_000])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(memoryStats()).toEqual(before)
  })

  it('cannot be changed through the array they were given', () => {
    const shape = [2, 1]
    const t = tensor([1, 2], shape)
    shape[0] = 9
    expect(t.shape).toEqual([2, 1])
    expect(() => (t.shape as number[]).push(1)).toThrow(TypeError)
  })
})

describe('rows of a tensor', () => {
  const t = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ])

  it('are sliced, indexed, joined and cut to columns', () => {
    expect(t.slice(1).toArray()).toEqual([
      [3, 4],
      [5, 6],
    ])
    expect(t.slice(0, 1).toArray()).toEqual([[1, 2]])
    expect(t.slice(3).shape).toEqual([0, 2])
    expect(t.index([2, 0, 2]).toArray()).toEqual([
      [5, 6],
      [1, 2],
      [5, 6],
    ])
    expect(t.index(tensor([1], undefined, 'int64')).toArray()).toEqual([[3, 4]])
    expect(t.columns([1, 1, 0]).toArray()[0 as never]).toEqual([2, 2, 1])
    expect(Tensor.concat([t.slice(2), t.slice(0, 1)]).toArray()).toEqual([
      [5, 6],
      [1, 2],
    ])
    expect(t.reshape([2, 3]).toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })

  it('beyond the end are refused', () => {
    expect(refusal(() => t.slice(0, 4)).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => t.slice(-1)).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => t.slice(2, 1)).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => t.index([3])).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(refusal(() => t.index([0.5])).code).toBe('ERR_LANGEVIN_DTYPE')
    expect(refusal(() => t.columns([2])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => t.reshape([4])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => t.reshape([2 ** 40, 2 ** 40])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => Tensor.concat([t, tensor([[1]])])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect(refusal(() => Tensor.concat([t, t.to('float64')])).code).toBe('ERR_LANGEVIN_DTYPE')
    expect(refusal(() => Tensor.concat([])).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(refusal(() => tensor(1).slice(0)).code).toBe('ERR_LANGEVIN_SHAPE')
  })

  it('move to dtypes and devices', () => {
    expect(t.to('float64').dtype).toBe('float64')
    expect(t.to('cpu').device).toBe('cpu')
    expect(refusal(() => t.to('tpu')).code).toBe('ERR_LANGEVIN_DEVICE')
    expect(refusal(() => t.to('cuda:9999')).code).toBe('ERR_LANGEVIN_DEVICE')
  })

  it('come back from any accepted form', () => {
    expect(toRows(t)).toBe(t)
    expect(toRows([[1, 2]]).shape).toEqual([1, 2])
    expect(toRows(Float64Array.of(1, 2)).dtype).toBe('float64')
    expect(toRows({ data: Float32Array.of(1, 2), shape: [1, 2] }).shape).toEqual([1, 2])
    const error = refusal(() => toRows([[1, 2], [3]], 'init'))
    expect(error.message.startsWith('init: ')).toBe(true)
    expect(error.details.what).toBe('init')
    for (const value of [null, undefined, 'rows', {}, { data: [1] }, 5]) {
      expect(refusal(() => toRows(value as never)).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    }
  })
})

describe('numbers of a tensor', () => {
  it('survive the way there and back', () => {
    const arrays = fc.oneof(
      fc.float32Array({ maxLength: 40 }),
      fc.float64Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.bigInt64Array({ maxLength: 40 }),
    )
    fc.assert(
      fc.property(arrays, (array) => {
        using t = tensor(array)
        expect(t.toTypedArray()).toEqual(array)
      }),
      { numRuns: 200, seed: 3 },
    )
  })

  it('survive nesting and flattening', () => {
    const matrix = fc
      .tuple(fc.nat(5), fc.nat(5))
      .chain(([n, d]) =>
        fc.array(fc.array(fc.double(), { minLength: d, maxLength: d }), { minLength: n, maxLength: n }),
      )
    fc.assert(
      fc.property(matrix, (rows) => {
        using t = tensor(rows, undefined, 'float64')
        expect(t.toArray()).toEqual(rows)
      }),
      { numRuns: 200, seed: 4 },
    )
  })

  it('beyond 2^53 are given as bigints only', () => {
    const t = tensor(BigInt64Array.of(1n, 2n ** 53n))
    const error = refusal(() => t.toArray())
    expect(error.code).toBe('ERR_LANGEVIN_DTYPE')
    expect(error.details.position).toBe(1)
    expect((t.toTypedArray() as BigInt64Array)[1]).toBe(2n ** 53n)
  })
})

describe('the life of a tensor', () => {
  it('ends with dispose(), once, and by using', async () => {
    await collected()
    const before = memoryStats()
    const t = tensor(new Float32Array(1000))
    {
      using inner = tensor([1])
      expect(memoryStats().tensors).toBe(before.tensors + 2)
      expect(inner.disposed).toBe(false)
    }
    expect(memoryStats().tensorBytes).toBe(before.tensorBytes + 4000)
    t.dispose()
    t.dispose()
    expect(t.disposed).toBe(true)
    expect(memoryStats()).toEqual(before)
  })

  it('leaves nothing behind where a call makes tensors on the way', async () => {
    await collected()
    const before = memoryStats()
    tensor([1, 2], undefined, 'float64').dispose()
    const t = tensor([1, 2, 3], undefined, 'bfloat16')
    t.toArray()
    inspect(t)
    t.index([0]).dispose()
    refusal(() => t.index([7]))
    t.dispose()
    expect(memoryStats()).toEqual(before)
  })

  it('is over after dispose: every use says so', async () => {
    const t = tensor([[1, 2]])
    await t[Symbol.asyncDispose]()
    for (const use of [
      () => t.shape,
      () => t.dtype,
      () => t.device,
      () => t.size,
      () => t.toArray(),
      () => t.toTypedArray(),
      () => t.to('float64'),
      () => t.slice(0),
      () => t.index([0]),
      () => t.columns([0]),
      () => t.reshape([2]),
      () => Tensor.concat([t]),
      () => toRows(t),
      () => tensor([1]).index(t),
    ]) {
      expect(refusal(use).code).toBe('ERR_LANGEVIN_DISPOSED')
    }
    expect(inspect(t)).toBe('Tensor float32 [1, 2] cpu (disposed)')
  })

  it('shows shape, dtype and the first numbers', () => {
    expect(inspect(tensor([[1, 2.5]]))).toBe('Tensor float32 [1, 2] cpu [ 1, 2.5 ]')
    expect(inspect(tensor(new Float32Array(1_000_000)))).toBe(
      'Tensor float32 [1000000] cpu [ 0, 0, 0, 0, 0, 0, ... 999994 more ]',
    )
    expect(inspect(tensor(7))).toBe('Tensor float32 [] cpu [ 7 ]')
    expect(inspect(tensor([]))).toBe('Tensor float32 [0] cpu []')
    expect(inspect(tensor([true]))).toBe('Tensor bool [1] cpu [ true ]')
    expect(inspect({ t: tensor([1n]) })).toContain('int64 [1]')
  })
})
