/** Symbolic rows: methods record operations instead of computing. */
import { invalid } from '../../spec/index.js'
import { type ExpressionNode, nodeWidth } from './nodes.js'

/** What operations take besides an Expr: a number, or a list of numbers, one per column. */
export type Operand = Expr | number | readonly number[]

const OWNER = 'energies.expression'

/** The nodes recorded while the function of an expression runs. */
export class Trace {
  readonly nodes: ExpressionNode[] = []
  readonly widths: number[] = []
  open = true
  readonly #known = new Map<string, Expr>()

  constructor(readonly input: number) {}

  /** The value of a node; the same operation on the same values is recorded once. */
  node(node: ExpressionNode): Expr {
    if (!this.open) invalid(OWNER, 'function', 'an expression of x is valid only while its function runs')
    const key = JSON.stringify(node)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const width = nodeWidth(node, this.widths, this.input, (path, problem) =>
      invalid(OWNER, 'function', `${node.op}${path === '' ? '' : ` (${path})`}: ${problem}`),
    )
    this.widths.push(width)
    const made = new Expr(this, this.nodes.push(node) - 1, width)
    this.#known.set(key, made)
    return made
  }

  lift(operand: Operand): Expr {
    if (operand instanceof Expr) {
      if (operand.trace !== this)
        invalid(OWNER, 'function', 'an expression of another function cannot be used in this one')
      return operand
    }
    const value = typeof operand === 'number' ? [operand] : operand
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'number' && Number.isFinite(item))) {
      const shown = Array.isArray(operand) ? `[${operand.map(String).join(', ')}]` : String(operand)
      invalid(OWNER, 'function', `expected an expression, a finite number or a list of finite numbers, got ${shown}`)
    }
    return this.node({ op: 'constant', value: [...value] })
  }
}

let current: Trace | undefined

/** The trace of the function that runs now; free functions of plain numbers need it. */
export function currentTrace(): Trace {
  return (
    current ?? invalid(OWNER, 'function', 'expressions are built only inside the function given to energies.expression')
  )
}

/** Runs a function once with a symbolic row and returns what it returned. */
export function record(trace: Trace, body: (x: Expr) => unknown): unknown {
  const outer = current
  current = trace
  try {
    return body(trace.node({ op: 'input' }))
  } finally {
    current = outer
    trace.open = false
  }
}

/**
 * A symbolic row of `width` columns. Methods record an operation and return its symbolic value; nothing is computed.
 * Two values can be combined when they have the same number of columns or one of them has one.
 *
 * JavaScript's own operators cannot be traced: `a + b`, `a < b` and `${a}` throw ERR_LANGEVIN_INVALID_OPTION. A bare
 * `if (a)` or `a ? b : c` cannot be noticed by any library: use `where`.
 */
export class Expr {
  constructor(
    readonly trace: Trace,
    readonly index: number,
    /** Columns. */
    readonly width: number,
  ) {}

  #one(op: string, members: Omit<ExpressionNode, 'op' | 'in'> = {}): Expr {
    return this.trace.node({ op, in: [this.index], ...members })
  }
  #two(op: string, other: Operand): Expr {
    return this.trace.node({ op, in: [this.index, this.trace.lift(other).index] })
  }

  add(other: Operand): Expr {
    return this.#two('add', other)
  }
  sub(other: Operand): Expr {
    return this.#two('sub', other)
  }
  mul(other: Operand): Expr {
    return this.#two('mul', other)
  }
  div(other: Operand): Expr {
    return this.#two('div', other)
  }
  maximum(other: Operand): Expr {
    return this.#two('maximum', other)
  }
  minimum(other: Operand): Expr {
    return this.#two('minimum', other)
  }
  /** 1 where greater, else 0; the comparisons have gradient 0. */
  gt(other: Operand): Expr {
    return this.#two('gt', other)
  }
  ge(other: Operand): Expr {
    return this.#two('ge', other)
  }
  lt(other: Operand): Expr {
    return this.#two('lt', other)
  }
  le(other: Operand): Expr {
    return this.#two('le', other)
  }
  neg(): Expr {
    return this.#one('neg')
  }
  square(): Expr {
    return this.#one('square')
  }
  sqrt(): Expr {
    return this.#one('sqrt')
  }
  exp(): Expr {
    return this.#one('exp')
  }
  log(): Expr {
    return this.#one('log')
  }
  sin(): Expr {
    return this.#one('sin')
  }
  cos(): Expr {
    return this.#one('cos')
  }
  abs(): Expr {
    return this.#one('abs')
  }
  tanh(): Expr {
    return this.#one('tanh')
  }
  sigmoid(): Expr {
    return this.#one('sigmoid')
  }
  /** log(1 + e^x). */
  softplus(): Expr {
    return this.#one('softplus')
  }
  silu(): Expr {
    return this.#one('silu')
  }
  gelu(): Expr {
    return this.#one('gelu')
  }
  relu(): Expr {
    return this.#one('relu')
  }
  /** x^exponent with a fixed number as exponent. */
  pow(exponent: number): Expr {
    if (typeof exponent !== 'number' || !Number.isFinite(exponent)) {
      invalid(OWNER, 'function', 'pow: the exponent is a finite number; write b.mul(a.log()).exp() for a^b')
    }
    return this.#one('pow', { exponent })
  }
  /** The sum of the columns: one column. */
  sum(): Expr {
    return this.#one('sum')
  }
  mean(): Expr {
    return this.#one('mean')
  }
  /** log of the sum of the exponentials of the columns, without overflow. */
  logsumexp(): Expr {
    return this.#one('logsumexp')
  }
  /** Euclidean length over the columns; its gradient at 0 is 0. */
  norm(): Expr {
    return this.#one('norm')
  }
  /** The sum of the products of the columns. */
  dot(other: Operand): Expr {
    return this.mul(other).sum()
  }
  /** Times a constant matrix: one row of `matrix` per column of this value. */
  matmul(matrix: readonly (readonly number[])[]): Expr {
    if (!Array.isArray(matrix) || !matrix.every((row) => Array.isArray(row) && row.every(Number.isFinite))) {
      invalid(OWNER, 'function', 'matmul: the matrix is a list of rows of finite numbers')
    }
    return this.#one('matmul', { value: matrix.map((row) => [...row]) })
  }
  /** Column i; a negative i counts from the end. */
  at(i: number): Expr {
    const column = Number.isInteger(i) && i < 0 ? i + this.width : i
    if (!Number.isInteger(column) || column < 0 || column >= this.width) {
      invalid(OWNER, 'function', `at: there is no column ${String(i)} among ${this.width}`)
    }
    return this.width === 1 ? this : this.#one('slice', { first: column, count: 1 })
  }
  /** Columns first .. end - 1, as Array.slice. */
  slice(first = 0, end = this.width): Expr {
    const from = first < 0 ? first + this.width : first
    const to = end < 0 ? end + this.width : end
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > this.width || from >= to) {
      invalid(OWNER, 'function', `slice: there are no columns ${from} to ${to - 1} among ${this.width}`)
    }
    return this.#one('slice', { first: from, count: to - from })
  }
  /** The columns with the given numbers, in that order. */
  columns(index: readonly number[]): Expr {
    if (!Array.isArray(index) || !index.every((i) => Number.isInteger(i) && i >= 0)) {
      invalid(OWNER, 'function', 'columns: expected a list of column numbers')
    }
    return this.#one('columns', { index: [...index] })
  }
  /** `then` where this is not 0, else `otherwise`; a gradient that is not finite in the branch not taken still spoils the row. */
  where(then: Operand, otherwise: Operand): Expr {
    return this.trace.node({
      op: 'where',
      in: [this.index, this.trace.lift(then).index, this.trace.lift(otherwise).index],
    })
  }

  /** Its columns: `([a, b]) => ...` and `[...x]`. */
  *[Symbol.iterator](): Generator<Expr, void> {
    for (let i = 0; i < this.width; i++) yield this.at(i)
  }
  [Symbol.toPrimitive](): never {
    invalid(
      OWNER,
      'function',
      "JavaScript's operators cannot be traced: write a.add(b), a.mul(2), a.gt(0), where(a.gt(0), b, c) and exp(a), not a + b, a > 0 or Math.exp(a)",
    )
  }
}
