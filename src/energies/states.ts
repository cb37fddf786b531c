/** What values the columns of x take: the `states` field of energies and its checks. */
import { type RowShape, widthOf } from '../networks/fields.js'
import type { Z } from '../spec/index.js'

/** Columns of numbers, bits or spins. */
export interface PlainBlock {
  /** 'real': any number. 'binary': 0 or 1. 'spin': -1 or +1. */
  kind: 'real' | 'binary' | 'spin'
  /** Columns of x; default 1. */
  columns?: number | undefined
  /** Names the block in messages and for `on` of samplers.blockwise. */
  name?: string | undefined
}

/** Variables with a few values. */
export interface LevelsBlock {
  /**
   * 'categorical': one-hot, `levels` columns of x with a single 1 per variable (as scikit-learn's OneHotEncoder makes
   * them). 'ordinal': one column that holds 0 ... levels - 1 (OrdinalEncoder). 'cyclic': the same with 0 next to
   * levels - 1, as months and hours are.
   */
  kind: 'categorical' | 'ordinal' | 'cyclic'
  /** Values of a variable, at least 2. */
  levels: number
  /** Columns of x; default one variable: `levels` categorical columns, 1 otherwise. */
  columns?: number | undefined
  /** Names the block in messages and for `on` of samplers.blockwise. */
  name?: string | undefined
}

/** Positions that hold ids without an order. */
export interface TokensBlock {
  /** One column per position that holds an id 0 ... vocabulary - 1. */
  kind: 'tokens'
  /** How many ids there are. */
  vocabulary: number
  /** Positions, which are columns of x. */
  length: number
  /** Names the block in messages and for `on` of samplers.blockwise. */
  name?: string | undefined
}

/** A block of columns of x. Columns are counted in the order of the blocks. */
export type ColumnBlock = PlainBlock | LevelsBlock | TokensBlock

/** 'binary' (0 or 1), 'spin' (-1 or +1), one-hot blocks of `levels` columns, or a list of column blocks. */
export type States = 'binary' | 'spin' | { levels: number } | ColumnBlock[]

export const BLOCK_KINDS = ['real', 'binary', 'spin', 'categorical', 'ordinal', 'cyclic', 'tokens'] as const
/** Words that name columns by what they hold; no block may have them as its name. */
export const COLUMN_WORDS = [...BLOCK_KINDS, 'discrete'] as const

function blockField(z: Z) {
  const shared = { name: z.string().min(1).optional() }
  const columns = z.int().positive().optional()
  const levels = z.int().min(2)
  return z.discriminatedUnion(
    'kind',
    [
      z.strictObject({ kind: z.literal(['real', 'binary', 'spin']), columns, ...shared }),
      z.strictObject({ kind: z.literal(['categorical', 'ordinal', 'cyclic']), levels, columns, ...shared }),
      z.strictObject({ kind: z.literal('tokens'), vocabulary: levels, length: z.int().positive(), ...shared }),
    ],
    { error: (issue) => (issue.code === 'invalid_union' ? `must be one of ${BLOCK_KINDS.join(', ')}` : undefined) },
  )
}

/**
 * What values the columns of x take: real numbers where left out, 'binary' (0 or 1), 'spin' (-1 or +1), one-hot blocks of
 * `levels` columns, { levels: 4 }, or, where columns differ, a list of blocks in the order of the columns:
 * `[{ kind: 'real', columns: 2 }, { kind: 'categorical', levels: 3 }, { kind: 'ordinal', levels: 5, name: 'rating' }]` (2 + 3
 * + 1 columns). Discrete samplers move discrete columns, continuous ones real columns; samplers.blockwise moves both.
 */
export const statesField = (z: Z) =>
  z
    .union([z.enum(['binary', 'spin']), z.strictObject({ levels: z.int().min(2) }), z.array(blockField(z)).min(1)])
    .optional()

/** { levels }: one-hot blocks alone. */
export const isLevels = (states: States | undefined): states is { levels: number } =>
  typeof states === 'object' && !Array.isArray(states)

type Fail = (path: string, problem: string) => never

/** Columns of x a block takes. */
export function columnsOf(block: ColumnBlock): number {
  if (block.kind === 'tokens') return block.length
  return block.columns ?? (block.kind === 'categorical' ? block.levels : 1)
}

export function checkStates(
  { states, input: axes }: { states?: States | undefined; input: number | RowShape },
  fail: Fail,
): void {
  if (states === undefined || typeof states === 'string') return
  const input = widthOf(axes)
  if (!Array.isArray(states)) {
    if (input % states.levels !== 0)
      fail('states', `${input} columns cannot be divided into whole blocks of ${states.levels} levels`)
    return
  }
  const names = new Set<string>()
  let columns = 0
  for (const [i, block] of states.entries()) {
    const own = columnsOf(block)
    if (block.kind === 'categorical' && own % block.levels !== 0) {
      fail(
        `states[${i}].columns`,
        `must be a multiple of levels = ${block.levels}: each categorical variable takes a column per level, got ${own}`,
      )
    }
    columns += own
    if (block.name === undefined) continue
    if ((COLUMN_WORDS as readonly string[]).includes(block.name)) {
      fail(`states[${i}].name`, `'${block.name}' is the word for all such columns; choose another name`)
    }
    if (names.has(block.name)) fail(`states[${i}].name`, `'${block.name}' is the name of an earlier block`)
    names.add(block.name)
  }
  if (columns !== input) fail('states', `the blocks have ${columns} columns together, x has ${input}`)
}
