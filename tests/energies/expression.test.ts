/** energies.expression: formulas traced into operations. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { energies, expr } from '../../src/energies/index.js'
import { LangevinError } from '../../src/errors.js'
import { parseSpec } from '../../src/spec/index.js'
import { refusal } from '../helpers/errors.js'

const { add, concat, exp, gt, logsumexp, mul, norm, sum, where } = expr

/** The message of an invalid option. */
function refused(body: () => unknown): string {
  const { code, message } = refusal(body)
  expect(code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  return message
}
const make = (body: unknown, input = 2) => energies.expression(body as (x: expr.Expr) => expr.Expr, { input })

describe('energies.expression', () => {
  it('runs the function once and keeps plain nodes', () => {
    let calls = 0
    const spec = make((x: expr.Expr) => {
      calls++
      return x.square().sum().mul(0.5)
    })
    expect(calls).toBe(1)
    expect(spec).toEqual({
      kind: 'expression',
      input: 2,
      nodes: [
        { op: 'input' },
        { op: 'square', in: [0] },
        { op: 'sum', in: [1] },
        { op: 'constant', value: [0.5] },
        { op: 'mul', in: [2, 3] },
      ],
    })
    expect(Object.isFrozen(spec.nodes[0])).toBe(true)
    expect(parseSpec('energy', JSON.parse(JSON.stringify(spec)))).toEqual(spec)
    expect(energies.expression(spec)).toEqual(spec)
  })

  it('writes an operation down once and drops what the energy does not need', () => {
    const spec = make((x: expr.Expr) => {
      x.exp().sum()
      return add(x.at(0).square(), x.at(0).square())
    })
    expect(spec.nodes.map((node) => node.op)).toEqual(['input', 'slice', 'square', 'add'])
  })

  it('knows columns', () => {
    const ops = (body: (x: expr.Expr) => expr.Expr, input: number) => make(body, input).nodes
    expect(ops((x) => x.at(-1), 3).at(-1)).toEqual({ op: 'slice', in: [0], first: 2, count: 1 })
    expect(ops((x) => x.slice(1).sum(), 4)[1]).toEqual({ op: 'slice', in: [0], first: 1, count: 3 })
    expect(ops((x) => x.slice(0, -1).sum(), 4)[1]).toEqual({ op: 'slice', in: [0], first: 0, count: 3 })
    expect(ops(([a, b]) => a!.mul(b!), 2).length).toBe(4)
    expect(ops((x) => concat(x, 1, x.at(0)).sum(), 2).at(-2)).toEqual({ op: 'concat', in: [0, 2, 1] })
    expect(ops((x) => x.matmul([[1], [2]]), 2).at(-1)).toEqual({ op: 'matmul', in: [0], value: [[1], [2]] })
  })

  it.each<[string, unknown, RegExp]>([
    ['a number', () => 3, /the number 3/],
    ['nothing', () => undefined, /got undefined/],
    ['a promise', async (x: expr.Expr) => x.sum(), /a promise/],
    ['several columns', (x: expr.Expr) => x.exp(), /returned 2 \(sum\(\)/],
    ['+', (x: unknown) => (x as number) + 1, /operators cannot be traced/],
    ['Math.exp', (x: unknown) => Math.exp(x as number), /operators cannot be traced/],
    ['<', (x: unknown) => ((x as number) < 0 ? 1 : 2), /operators cannot be traced/],
    ['a template', (x: unknown) => `${x}`, /operators cannot be traced/],
    ['NaN', (x: expr.Expr) => x.sum().mul(Number.NaN), /finite number/],
    ['a text', (x: expr.Expr) => x.sum().mul('2' as unknown as number), /expected an expression/],
    [
      'an exponent that is an expression',
      (x: expr.Expr) => x.sum().pow(x.at(0) as unknown as number),
      /fixed|finite number/,
    ],
    ['columns that do not go together', (x: expr.Expr) => x.add([1, 2, 3]).sum(), /2 and 3 columns/],
    ['a column that is not there', (x: expr.Expr) => x.at(2), /no column 2 among 2/],
    ['a matrix that does not fit', (x: expr.Expr) => x.matmul([[1]]), /1 rows/],
    ['a ragged matrix', (x: expr.Expr) => x.matmul([[1, 2], [1]]).sum(), /different lengths/],
    ['no columns', (x: expr.Expr) => x.slice(1, 1).sum(), /no columns/],
  ])('refuses %s', (_name, body, message) => {
    expect(refused(() => make(body))).toMatch(message)
  })

  it('refuses a value kept from another function, and free functions outside one', () => {
    let kept: expr.Expr | undefined
    make((x: expr.Expr) => {
      kept = x
      return x.sum()
    })
    expect(refused(() => make((x: expr.Expr) => x.add(kept!).sum()))).toMatch(/another function/)
    expect(refused(() => make(() => kept))).toMatch(/another function/)
    expect(refused(() => kept!.exp())).toMatch(/only while/)
    expect(refused(() => exp(1))).toMatch(/only inside/)
  })

  it('passes on what the function throws, and traces again after it', () => {
    expect(() =>
      make(() => {
        throw new RangeError('mine')
      }),
    ).toThrow(RangeError)
    expect(refused(() => exp(1))).toMatch(/only inside/)
    expect(make((x: expr.Expr) => x.sum()).nodes.length).toBe(2)
  })

  it('checks the options before the function runs', () => {
    expect(refused(() => energies.expression((x) => x.sum(), { input: 0 }))).toMatch(/input/)
    expect(refused(() => (energies.expression as (f: unknown) => unknown)((x: expr.Expr) => x.sum()))).toMatch(/input/)
    expect(refused(() => energies.expression((x) => x.sum(), { input: 1, base: 2 } as { input: number }))).toMatch(
      /base/,
    )
  })

  it.each<[string, unknown[], string]>([
    ['a later node', [{ op: 'input' }, { op: 'sum', in: [1] }], 'nodes[1].in'],
    ["a member that is not the operation's", [{ op: 'input', first: 1 }], 'nodes[0].first'],
    ['a missing member', [{ op: 'input' }, { op: 'pow', in: [0] }], 'nodes[1].exponent'],
    ['an unknown operation', [{ op: 'sine' }], 'nodes[0].op'],
    ['a row of too many columns', [{ op: 'input' }], 'nodes'],
    ['no nodes', [], 'nodes'],
  ])('refuses JSON with %s', (_name, nodes, path) => {
    try {
      parseSpec('energy', { kind: 'expression', input: 2, nodes })
      expect.unreachable()
    } catch (error) {
      expect((error as LangevinError).details.path).toBe(path)
    }
  })

  it('gives a spec or a coded error for any program of calls', () => {
    const methods = ['neg', 'square', 'exp', 'tanh', 'sum', 'mean', 'logsumexp', 'norm', 'softplus'] as const
    const binary = ['add', 'sub', 'mul', 'div', 'maximum', 'gt', 'dot'] as const
    const step = fc.record({
      which: fc.nat(),
      a: fc.nat(),
      b: fc.nat(),
      value: fc.double({ noNaN: true }),
      i: fc.integer({ min: -4, max: 4 }),
    })
    let specs = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 3 }), (steps, input) => {
        const body = (x: expr.Expr) => {
          const values = [x]
          for (const { which, a, b, value, i } of steps) {
            const left = values[a % values.length]!
            const right = values[b % values.length]!
            const options = [
              () => left[methods[b % methods.length]!](),
              () => left[binary[i & 3]!](right),
              () => left[binary[i & 3]!](value),
              () => left.at(i),
              () => where(gt(left, value), left, right),
              () => logsumexp(concat(left, mul(right, value))),
            ]
            values.push(options[which % options.length]!())
          }
          return sum(norm(values.at(-1)!))
        }
        try {
          const spec = energies.expression(body, { input })
          specs++
          expect(parseSpec('energy', JSON.parse(JSON.stringify(spec)))).toEqual(spec)
        } catch (error) {
          expect(error).toBeInstanceOf(LangevinError)
        }
      }),
      { numRuns: 500, seed: 3 },
    )
    expect(specs).toBeGreaterThan(100)
  })
})
