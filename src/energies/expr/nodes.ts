/** The nodes an expression is made of, and how many columns each gives. */
import { ACTIVATIONS } from '../../networks/activations.js'

/** One operation; `in` numbers earlier nodes. The other members belong to single operations, as FIELDS says. */
export interface ExpressionNode {
  op: string
  in?: number[] | undefined
  value?: number[] | number[][] | undefined
  exponent?: number | undefined
  first?: number | undefined
  count?: number | undefined
  index?: number[] | undefined
}

export const UNARY = ['neg', 'square', 'sqrt', 'exp', 'log', 'sin', 'cos', 'abs', ...ACTIVATIONS] as const
export const BINARY = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'gt', 'ge', 'lt', 'le'] as const
export const REDUCE = ['sum', 'mean', 'logsumexp', 'norm'] as const

/** Members a node has beside `op`, and how many inputs (-1: any number above 0). */
const FIELDS: Record<string, { inputs: number; fields: (keyof ExpressionNode)[] }> = {
  input: { inputs: 0, fields: [] },
  constant: { inputs: 0, fields: ['value'] },
  pow: { inputs: 1, fields: ['exponent'] },
  matmul: { inputs: 1, fields: ['value'] },
  slice: { inputs: 1, fields: ['first', 'count'] },
  columns: { inputs: 1, fields: ['index'] },
  concat: { inputs: -1, fields: [] },
  where: { inputs: 3, fields: [] },
}
for (const op of [...UNARY, ...REDUCE]) FIELDS[op] = { inputs: 1, fields: [] }
for (const op of BINARY) FIELDS[op] = { inputs: 2, fields: [] }

export const OPERATIONS = Object.keys(FIELDS)

type Fail = (path: string, problem: string) => never

function common(widths: number[], fail: Fail): number {
  const wide = [...new Set(widths.filter((width) => width !== 1))]
  if (wide.length > 1) fail('', `values of ${wide[0]} and ${wide[1]} columns do not go together`)
  return wide[0] ?? 1
}

function matrixWidth(value: ExpressionNode['value'], rows: number, fail: Fail): number {
  const matrix = value!
  const first = matrix[0]
  if (!Array.isArray(first)) fail('value', 'must be a matrix, a list of rows')
  const width = first.length
  if (matrix.length !== rows) fail('value', `has ${matrix.length} rows, the value it multiplies has ${rows} columns`)
  if (width === 0) fail('value', 'needs at least one column')
  for (const row of matrix) if ((row as number[]).length !== width) fail('value', 'has rows of different lengths')
  return width
}

function vectorWidth(value: ExpressionNode['value'], fail: Fail): number {
  if (value!.length === 0) fail('value', 'needs at least one number')
  if (value!.some((item) => typeof item !== 'number')) fail('value', 'must be a list of numbers')
  return value!.length
}

/** Checks one node against the widths of the earlier ones and gives its own. */
export function nodeWidth(node: ExpressionNode, earlier: readonly number[], input: number, fail: Fail): number {
  const rule = FIELDS[node.op]
  if (rule === undefined) fail('op', `there is no operation '${node.op}'`)
  for (const key of ['value', 'exponent', 'first', 'count', 'index'] as const) {
    if (rule.fields.includes(key) !== (node[key] !== undefined)) {
      fail(key, rule.fields.includes(key) ? `is required by '${node.op}'` : `is not a member of '${node.op}'`)
    }
  }
  const inputs = node.in ?? []
  if (rule.inputs >= 0 ? inputs.length !== rule.inputs : inputs.length === 0) {
    fail(
      'in',
      `'${node.op}' takes ${rule.inputs < 0 ? 'at least one node' : `${rule.inputs} nodes`}, got ${inputs.length}`,
    )
  }
  const widths = inputs.map((i) => earlier[i] ?? fail('in', `node ${i} is not an earlier one`))
  const width = widths[0] ?? input
  switch (node.op) {
    case 'input':
      return input
    case 'constant':
      return vectorWidth(node.value, fail)
    case 'matmul':
      return matrixWidth(node.value, width, fail)
    case 'slice':
      if (node.count! < 1 || node.first! + node.count! > width) {
        fail('', `there are no columns ${node.first} to ${node.first! + node.count! - 1} among ${width}`)
      }
      return node.count!
    case 'columns':
      if (node.index!.length === 0) fail('index', 'needs at least one column')
      for (const i of node.index!) if (i >= width) fail('index', `there is no column ${i} among ${width}`)
      return node.index!.length
    case 'concat':
      return widths.reduce((total, w) => total + w, 0)
    default:
      return (REDUCE as readonly string[]).includes(node.op) ? 1 : common(widths, fail)
  }
}
