/** An energy given as a formula. */
import { types } from 'node:util'
import { defineSpec, invalid, toPlain } from '../spec/index.js'
import { Expr, record, Trace } from './expr/expr.js'
import { type ExpressionNode, nodeWidth, OPERATIONS } from './expr/nodes.js'
import { gaussianBaseField, inputField } from './fields.js'
import { checkStates, type States, statesField } from './states.js'

const OWNER = 'energies.expression'

/** Options of `fromNodes`. */
export interface FormulaOptions {
  /** Columns of x. */
  input: number
  /** Operations, each on earlier ones; the last is the energy. */
  nodes: {
    op: string
    in?: number[] | undefined
    value?: number[] | number[][] | undefined
    exponent?: number | undefined
    first?: number | undefined
    count?: number | undefined
    index?: number[] | undefined
  }[]
  /**
   * s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision.
   * Default: none; then exp(-E) need not be integrable.
   */
  gaussianBase?: number | 'full' | undefined
  /**
   * What values the columns of x take: 'binary' (0, 1), 'spin' (-1, +1), one-hot blocks of `levels`, or column
   * blocks. Default: real.
   */
  states?: States | undefined
}

const fromNodes = defineSpec(
  'energy',
  'expression',
  (z) => ({
    input: inputField(z),
    nodes: z
      .array(
        z.strictObject({
          op: z.enum(OPERATIONS as [string, ...string[]]),
          in: z.array(z.int().nonnegative()).optional(),
          value: z.union([z.array(z.number()), z.array(z.array(z.number()))]).optional(),
          exponent: z.number().optional(),
          first: z.int().nonnegative().optional(),
          count: z.int().positive().optional(),
          index: z.array(z.int().nonnegative()).optional(),
        }),
      )
      .min(1),
    gaussianBase: gaussianBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'A formula, traced once into operations; the last node is the energy.',
    check(options, fail) {
      checkStates(options, fail)
      const widths: number[] = []
      for (const [i, node] of options.nodes.entries()) {
        const place = `nodes[${i}]`
        widths.push(
          nodeWidth(node, widths, options.input, (path, text) => fail(path ? `${place}.${path}` : place, text)),
        )
      }
      if (widths.at(-1) !== 1)
        fail('nodes', `the last node is the energy and must have one column, it has ${widths.at(-1)}`)
    },
  },
).options<FormulaOptions>()

export type ExpressionSpec = ReturnType<typeof fromNodes>

export interface ExpressionOptions {
  /** Columns of x. */
  input: number
  /** s adds |x|^2 / (2 s^2) to the energy, 'full' (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision. */
  gaussianBase?: number | 'full' | undefined
  /** What values the columns of x take: 'binary' (0, 1), 'spin' (-1, +1), one-hot blocks of `levels`, or column blocks; default real. */
  states?: States | undefined
}

/** Only what the energy needs, renumbered. */
function reachable(nodes: readonly ExpressionNode[], last: number): ExpressionNode[] {
  const needed = new Set([last])
  for (let i = last; i >= 0; i--) if (needed.has(i)) for (const j of nodes[i]!.in ?? []) needed.add(j)
  const kept = [...needed].sort((a, b) => a - b)
  const number = new Map(kept.map((old, fresh) => [old, fresh]))
  return kept.map((i) => {
    const node = nodes[i]!
    return node.in === undefined ? node : { ...node, in: node.in.map((j) => number.get(j)!) }
  })
}

function trace(body: (x: Expr) => Expr, options: ExpressionOptions): ExpressionSpec {
  const plain = toPlain(options ?? {}, OWNER) as ExpressionOptions
  const { input } = plain
  // Checks the options before the function sees a row of that many columns.
  fromNodes({ ...plain, nodes: [{ op: 'constant', value: [0] }] })
  const recorded = new Trace(input)
  const result = record(recorded, body)
  if (!(result instanceof Expr)) {
    const got =
      typeof result === 'number' ? `the number ${result}` : types.isPromise(result) ? 'a promise' : typeof result
    invalid(OWNER, 'function', `must return an expression of x, got ${got}`)
  }
  if (result.trace !== recorded) invalid(OWNER, 'function', 'returned an expression of another function')
  if (result.width !== 1) {
    invalid(OWNER, 'function', `must return one column, the energy; it returned ${result.width} (sum() adds them up)`)
  }
  return fromNodes({ ...plain, nodes: reachable(recorded.nodes, result.index) })
}

/**
 * An energy from a formula: `expression((x) => x.square().sum().mul(0.5), { input: 2 })`. The function runs once, at
 * once, on a symbolic row of `input` columns (see Expr); the spec that comes back is plain JSON with the operations as
 * `nodes`, evaluated natively with derivatives. JavaScript is never called again. The spec itself, or its options, is
 * accepted in place of the function. ERR_LANGEVIN_INVALID_OPTION when the function does not return one column, or
 * uses an expression as a number.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const spec = energies.expression((x) => x.square().sum().mul(0.5).add(x.at(0).cos()), { input: 2 })
 * const model = await Energy.create(spec)
 * console.log((await model.energy([[0, 2]])).toArray()) // [ 3 ]
 * console.log((await model.score([[0, 2]])).toArray()) // [ [ -0, -2 ] ]
 * ```
 */
export function expression(body: (x: Expr) => Expr, options: ExpressionOptions): ExpressionSpec
export function expression(spec: Parameters<typeof fromNodes>[0]): ExpressionSpec
export function expression(
  body: ((x: Expr) => Expr) | Parameters<typeof fromNodes>[0],
  options?: ExpressionOptions,
): ExpressionSpec {
  if (typeof body === 'function') return trace(body, options as ExpressionOptions)
  return fromNodes(body)
}
