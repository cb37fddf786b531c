/** The methods of Expr as functions, so that formulas read as formulas: exp(x.at(0)), where(gt(x, 0), a, b). */
import { currentTrace, Expr, type Operand } from './expr.js'

export { Expr, type Operand } from './expr.js'

const lift = (value: Operand): Expr => (value instanceof Expr ? value : currentTrace().lift(value))

/** A number or a row of numbers as an expression. */
export const constant = (value: number | readonly number[]): Expr => lift(value)
export const add = (a: Operand, b: Operand): Expr => lift(a).add(b)
export const sub = (a: Operand, b: Operand): Expr => lift(a).sub(b)
export const mul = (a: Operand, b: Operand): Expr => lift(a).mul(b)
export const div = (a: Operand, b: Operand): Expr => lift(a).div(b)
export const maximum = (a: Operand, b: Operand): Expr => lift(a).maximum(b)
export const minimum = (a: Operand, b: Operand): Expr => lift(a).minimum(b)
export const gt = (a: Operand, b: Operand): Expr => lift(a).gt(b)
export const ge = (a: Operand, b: Operand): Expr => lift(a).ge(b)
export const lt = (a: Operand, b: Operand): Expr => lift(a).lt(b)
export const le = (a: Operand, b: Operand): Expr => lift(a).le(b)
export const neg = (a: Operand): Expr => lift(a).neg()
export const square = (a: Operand): Expr => lift(a).square()
export const sqrt = (a: Operand): Expr => lift(a).sqrt()
export const exp = (a: Operand): Expr => lift(a).exp()
export const log = (a: Operand): Expr => lift(a).log()
export const sin = (a: Operand): Expr => lift(a).sin()
export const cos = (a: Operand): Expr => lift(a).cos()
export const abs = (a: Operand): Expr => lift(a).abs()
export const tanh = (a: Operand): Expr => lift(a).tanh()
export const sigmoid = (a: Operand): Expr => lift(a).sigmoid()
export const softplus = (a: Operand): Expr => lift(a).softplus()
export const silu = (a: Operand): Expr => lift(a).silu()
export const gelu = (a: Operand): Expr => lift(a).gelu()
export const relu = (a: Operand): Expr => lift(a).relu()
export const pow = (a: Operand, exponent: number): Expr => lift(a).pow(exponent)
export const sum = (a: Operand): Expr => lift(a).sum()
export const mean = (a: Operand): Expr => lift(a).mean()
export const logsumexp = (a: Operand): Expr => lift(a).logsumexp()
export const norm = (a: Operand): Expr => lift(a).norm()
export const dot = (a: Operand, b: Operand): Expr => lift(a).dot(b)
export const matmul = (a: Operand, matrix: readonly (readonly number[])[]): Expr => lift(a).matmul(matrix)
export const where = (condition: Operand, then: Operand, otherwise: Operand): Expr =>
  lift(condition).where(then, otherwise)
/** The columns of all parts side by side. */
export const concat = (...parts: Operand[]): Expr => {
  const trace = currentTrace()
  return trace.node({ op: 'concat', in: parts.map((part) => trace.lift(part).index) })
}
