/** Values, functions and handles at the boundary to the addon. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NativeError, NativeTensor } from '../../src/native/contract.js'
import { native } from '../../src/native/load.js'
import { collected } from '../helpers/collector.js'
import { thrown } from '../helpers/errors.js'

const addon = native()
// Takes no arguments and therefore ignores them: what is refused here is refused by the conversion.
const pass = (args: unknown) => addon.callNow('energy.kinds', args as object)

const refusal = (body: () => unknown) => thrown(body) as NativeError

function float32(...numbers: number[]): NativeTensor {
  return addon.createTensor(new Float32Array(numbers), [numbers.length], 'float32')
}

describe('arguments at the boundary', () => {
  it('pass as plain values', () => {
    expect(pass({ a: 1, b: [1, 'text', null, true, 5n, [[]]], c: { d: undefined }, e: Object.create(null) })).toContain(
      'mlp',
    )
  })

  it.each([
    ['a function', { a: { b: [() => 1] } }, 'a.b[0]'],
    ['a symbol', { a: Symbol('x') }, 'a'],
    ['a Map', { a: new Map() }, 'a'],
    ['a Date', { a: { when: new Date() } }, 'a.when'],
    ['a class instance', { a: new (class Foo {})() }, 'a'],
    ['a promise', { a: Promise.resolve() }, 'a'],
    ['a typed array', { a: [new Float32Array(3)] }, 'a[0]'],
    ['an ArrayBuffer', { a: new ArrayBuffer(3) }, 'a'],
    ['a hole in a list', { a: Object.assign(new Array(2), { 0: 1 }) }, 'a[1]'],
    ['a negative bigint', { a: -1n }, 'a'],
    ['a bigint beyond 64 bits', { a: 2n ** 64n }, 'a'],
  ])('refuse %s and say where', (_, args, path) => {
    const error = refusal(() => pass(args))
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.details.path).toBe(path)
    expect(error.message.startsWith(path)).toBe(true)
  })

  it('refuse a value that contains itself, and endless nesting', () => {
    const cycle: Record<string, unknown> = { inner: {} }
    ;(cycle.inner as Record<string, unknown>).outer = cycle
    expect(refusal(() => pass(cycle)).details.path).toBe('inner.outer')
    let deep: object = {}
    for (let i = 0; i < 100_000; i++) deep = { d: deep }
    expect(refusal(() => pass(deep)).message).toContain('64 levels')
    const shared = { x: 1 }
    expect(pass({ a: shared, b: [shared, shared] })).toContain('mlp')
  })

  it('that are no object are refused', () => {
    for (const args of [undefined, null, 1, 'text', [1]]) {
      expect(refusal(() => pass(args)).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    }
  })

  it('let an exception of a getter or a proxy through unchanged', () => {
    const mine = new TypeError('mine')
    const throwing = {
      get x() {
        throw mine
      },
    }
    expect(refusal(() => pass(throwing))).toBe(mine)
    const proxy = new Proxy(
      {},
      {
        ownKeys() {
          throw mine
        },
      },
    )
    expect(refusal(() => pass({ a: proxy }))).toBe(mine)
  })

  it('give a result or a coded error, whatever they are', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
    })
    fc.assert(
      fc.property(anything, (value) => {
        try {
          pass({ value })
        } catch (error) {
          expect((error as NativeError).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
        }
      }),
      { numRuns: 500, seed: 7 },
    )
  })

  it('may be typed arrays themselves, which are copied at once and become tensors', () => {
    const whole = Float64Array.from([9, 1, 2, 3, 9])
    const sum = (tensor: unknown) =>
      addon.callNow('tensor.concat', { tensors: [addon.callNow('tensor.slice', { tensor })] })
    const out = new Float64Array(3)
    addon.copyTensor(sum(whole.subarray(1, 4)) as NativeTensor, out)
    expect([...out]).toEqual([1, 2, 3])
    for (const [array, dtype] of [
      [new Float32Array(2), 'float32'],
      [new Float64Array(0), 'float64'],
      [Buffer.alloc(2), 'uint8'],
    ] as const) {
      expect(addon.callNow('tensor.slice', { tensor: array })).toMatchObject({ dtype, shape: [array.length] })
    }
    const moved = new Float32Array(4)
    structuredClone(moved.buffer, { transfer: [moved.buffer] })
    const refused = [
      new Int32Array(2),
      new Float32Array(new SharedArrayBuffer(8)),
      moved,
      new DataView(new ArrayBuffer(8)),
    ]
    for (const tensor of refused) {
      expect(refusal(() => pass({ tensor })).details?.path ?? 'tensor').toBe('tensor')
      expect(refusal(() => pass({ tensor })).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    }
  })

  it('keep their numbers: a seed as number and as bigint is one seed', () => {
    const draw = (seed: number | bigint) => {
      const tensor = addon.callNow('random', { rows: 2, columns: 3, seed }) as NativeTensor
      const numbers = new Float32Array(6)
      addon.copyTensor(tensor, numbers)
      return [...numbers]
    }
    expect(draw(12)).toEqual(draw(12n))
    expect(draw(2n ** 64n - 1n)).not.toEqual(draw(12))
  })
})

describe('functions at the boundary', () => {
  it('unknown, or called in the wrong lane, are refused', () => {
    expect(refusal(() => addon.callNow('nope', {})).code).toBe('ERR_LANGEVIN_INTERNAL')
    expect(refusal(() => addon.submit('nope', {}, {}, () => undefined)).code).toBe('ERR_LANGEVIN_INTERNAL')
    expect(refusal(() => addon.callNow('energy.create', {})).message).toContain('submitted as a job')
    expect(refusal(() => (addon.submit as (...args: unknown[]) => unknown)('energy.create', {})).code).toBe(
      'ERR_LANGEVIN_INTERNAL',
    )
  })

  it('give numbers instead of tensors where they are asked for them', async () => {
    const submitted = (numbers: boolean) =>
      new Promise((resolve, reject) => {
        const args = { scores: Float64Array.from([3, 1, 2]) }
        addon.submit('ood.calibrate', args, { numbers }, (kind, payload) => {
          if (kind === 'done') resolve(payload)
          if (kind === 'error') reject(payload)
        })
      })
    await collected()
    const before = addon.memory().tensors
    expect(await submitted(true)).toEqual(Float64Array.from([1, 2, 3]))
    expect(addon.memory().tensors).toBe(before)
    const handle = (await submitted(false)) as NativeTensor
    expect(handle).toMatchObject({ kind: 'tensor', shape: [3], dtype: 'float64' })
    handle.dispose()
  })

  it('fill a blank tensor within its bytes only', () => {
    const tensor = addon.callNow('tensor.blank', { shape: [2], dtype: 'float32' }) as NativeTensor
    const bytes = new Uint8Array(Float32Array.of(1.5, -2).buffer)
    addon.callNow('tensor.fill', { tensor, at: 4, bytes: bytes.subarray(4) })
    addon.callNow('tensor.fill', { tensor, at: 0, bytes: bytes.subarray(0, 4) })
    const out = new Float32Array(2)
    addon.copyTensor(tensor, out)
    expect([...out]).toEqual([1.5, -2])
    for (const args of [
      { at: 1, bytes },
      { at: -1, bytes: bytes.subarray(0, 1) },
      { at: 2 ** 53, bytes: bytes.subarray(0, 1) },
    ]) {
      expect(refusal(() => addon.callNow('tensor.fill', { tensor, ...args })).code).toMatch(/SHAPE|INVALID_OPTION/)
    }
    expect(refusal(() => addon.callNow('tensor.fill', { tensor, at: 0, bytes: new Float32Array(1) })).code).toBe(
      'ERR_LANGEVIN_INTERNAL',
    )
    for (const shape of [[-1], [2 ** 40, 2 ** 40]])
      expect(refusal(() => addon.callNow('tensor.blank', { shape, dtype: 'float32' })).code).toBe('ERR_LANGEVIN_SHAPE')
    tensor.dispose()
  })

  it("carry the core's code, message and details", () => {
    const error = refusal(() => addon.callNow('tensor.slice', { tensor: float32(1, 2), first: 'one' }))
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', details: { path: 'first' } })
  })

  it('keep frames of C++ out of the message', () => {
    const scalar = addon.createTensor(new Float32Array(1), [], 'float32')
    for (const call of [
      () => addon.callNow('tensor.slice', { tensor: scalar }),
      () => addon.callNow('tensor.reshape', { tensor: float32(1, 2), shape: [3] }),
      () => addon.callNow('random', { rows: 2 ** 40, columns: 2 ** 12, seed: 1 }),
    ]) {
      const error = refusal(call)
      expect(error.code).toMatch(/^ERR_LANGEVIN_(SHAPE|OUT_OF_MEMORY)$/)
      expect(error.message).not.toMatch(/\.(cpp|h|so)\b|frame #|\n/)
    }
  })
})

describe('handles at the boundary', () => {
  it('tell V8 their bytes exactly, once', () => {
    const before = addon.memory()
    const external = process.memoryUsage().external
    const tensor = addon.createTensor(new Float32Array(1_000_000), [1000, 1000], 'float32')
    expect(tensor).toMatchObject({ kind: 'tensor', shape: [1000, 1000], dtype: 'float32', device: 'cpu', bytes: 4e6 })
    expect(addon.memory()).toMatchObject({
      tensors: before.tensors + 1,
      tensorBytes: before.tensorBytes + 4e6,
    })
    expect(process.memoryUsage().external - external).toBeGreaterThanOrEqual(4e6)
    tensor.dispose()
    tensor.dispose()
    expect(tensor.disposed).toBe(true)
    expect(addon.memory()).toEqual(before)
  })

  it('after dispose are refused with the place they stand at', () => {
    const tensor = float32(1)
    tensor.dispose()
    expect(refusal(() => addon.callNow('tensor.slice', { tensor }))).toMatchObject({
      code: 'ERR_LANGEVIN_DISPOSED',
      details: { path: 'tensor' },
    })
    expect(refusal(() => addon.copyTensor(tensor, new Float32Array(1))).code).toBe('ERR_LANGEVIN_DISPOSED')
  })

  it('made by hand are disposed ones, and borrowed methods refuse other objects', () => {
    const tensor = float32(1)
    const Class = tensor.constructor as new () => NativeTensor
    const forged = new Class()
    expect(forged.disposed).toBe(true)
    forged.dispose()
    expect(refusal(() => addon.callNow('tensor.slice', { tensor: forged })).code).toBe('ERR_LANGEVIN_DISPOSED')
    const { get: shape } = Object.getOwnPropertyDescriptor(Class.prototype, 'shape') as PropertyDescriptor
    for (const other of [
      {},
      Object.create(Class.prototype),
      addon.submit('energy.kinds', {}, {}, () => undefined),
      1,
    ]) {
      expect(() => shape?.call(other)).toThrow()
    }
    expect(refusal(() => addon.copyTensor({} as NativeTensor, new Float32Array(1))).code).toBe(
      'ERR_LANGEVIN_INVALID_OPTION',
    )
  })

  it('of one kind are not taken for the other', async () => {
    const error = refusal(() => addon.callNow('network.explain', { network: float32(1) }))
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', details: { path: 'network' } })
  })
})

describe('bytes at the boundary', () => {
  it('must be as many as shape and dtype say', () => {
    const create = (length: number, shape: unknown) =>
      addon.createTensor(new Float32Array(length), shape as number[], 'float32')
    for (const shape of [[3], [-2], [1.5], ['2'], 'x', [Number.NaN], [2 ** 60, 2 ** 60]]) {
      expect(refusal(() => create(2, shape)).code).toMatch(/^ERR_LANGEVIN_(SHAPE|OUT_OF_MEMORY)$/)
    }
    expect(create(0, [0, 5]).shape).toEqual([0, 5])
    expect(refusal(() => addon.copyTensor(create(2, [2]), new Float32Array(3))).code).toBe('ERR_LANGEVIN_INTERNAL')
  })

  it('in shared or detached memory are refused', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8))
    expect(refusal(() => addon.createTensor(shared, [2], 'float32')).message).toContain('shared')
    const buffer = new ArrayBuffer(8)
    const view = new Float32Array(buffer)
    structuredClone(buffer, { transfer: [buffer] })
    expect(refusal(() => addon.createTensor(view, [0], 'float32')).message).toContain('detached')
  })

  it('may start anywhere in their buffer', () => {
    const whole = Float32Array.from([9, 1, 2, 9])
    const tensor = addon.createTensor(whole.subarray(1, 3), [2], 'float32')
    const out = new Float32Array(4)
    addon.copyTensor(tensor, out.subarray(1, 3))
    expect([...out]).toEqual([0, 1, 2, 0])
  })
})
