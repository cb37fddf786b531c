/** Sparse matrices by rows, as word counts of documents are. */
import { LangevinError } from '../errors.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type FloatDtype, type RowsLike, type Tensor, toRows } from '../tensor/index.js'

/** What a sparse matrix is made of: scipy's csr_matrix. */
export interface SparseParts {
  /** Where each row starts among the entries: whole numbers `[n + 1]`, from 0 to the number of entries. */
  indptr: RowsLike
  /** Column of each entry. */
  indices: RowsLike
  /** Value of each entry. Default: ones. */
  values?: RowsLike | undefined
  /** Rows and columns. */
  shape: readonly [number, number]
}

/** @internal Features as the core takes them. */
export type NativeFeatures = { dense: Tensor } | { indptr: Tensor; indices: Tensor; values: Tensor; columns: number }

const KNOWN = ['indptr', 'indices', 'values', 'shape'] as const satisfies readonly (keyof SparseParts)[]

/** @internal Tensors of parts: what is given as one stays the caller's. */
export function nativeParts(owner: string, parts: SparseParts): { indptr: Tensor; indices: Tensor; values?: Tensor } {
  const { indptr, indices, values, shape } = requireOptions(owner, parts, KNOWN)
  if (!Array.isArray(shape) || shape.length !== 2 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${owner}: shape is [rows, columns], two whole numbers`)
  }
  const starts = toRows(indptr, `${owner}: indptr`, 'int64')
  const rows = Math.max(0, (starts.shape[0] ?? 0) - 1)
  if (rows !== shape[0]) {
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `${owner}: indptr has ${starts.shape[0] ?? 0} numbers, which is ${rows} rows, and shape says ${shape[0]}`,
      { details: { rows, shape: [...shape] } },
    )
  }
  return {
    indptr: starts,
    indices: toRows(indices, `${owner}: indices`, 'int64'),
    ...(values === undefined ? {} : { values: toRows(values, `${owner}: values`) }),
  }
}

/** A sparse matrix by rows (CSR) in native memory. It never changes. */
export class SparseMatrix {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly shape: readonly [number, number]
  /** int64 `[n + 1]`. */
  readonly indptr: Tensor<'int64', 1>
  /** int64: column of each entry, ascending within a row. */
  readonly indices: Tensor<'int64', 1>
  /** float32 or float64: value of each entry. */
  readonly values: Tensor<FloatDtype, 1>

  /** @internal Use `SparseMatrix.from`. */
  constructor(native: Extract<NativeFeatures, { indptr: Tensor }>) {
    this.indptr = native.indptr as Tensor<'int64', 1>
    this.indices = native.indices as Tensor<'int64', 1>
    this.values = native.values as Tensor<FloatDtype, 1>
    this.shape = Object.freeze([this.indptr.shape[0] - 1, native.columns] as const)
  }

  /**
   * A sparse matrix from its parts, or from a dense matrix (its zeros are left out).
   *
   * @throws ERR_LANGEVIN_SHAPE, _DTYPE, _NON_FINITE, _INVALID_OPTION: an index outside of the columns, a column twice in a row,
   * row starts that fall or do not end with the number of entries
   */
  static from(source: SparseParts | RowsLike): SparseMatrix {
    if (typeof source === 'object' && source !== null && 'indptr' in source) {
      const features = { ...nativeParts('SparseMatrix.from', source), columns: source.shape[1] }
      return new SparseMatrix(invokeNow('graph.features', { features }))
    }
    const dense = toRows(source, 'SparseMatrix.from')
    try {
      return new SparseMatrix(invokeNow('graph.sparseFeatures', { features: { dense } }))
    } finally {
      if (dense !== source) dense.dispose()
    }
  }

  /** How many entries are stored. */
  get stored(): number {
    return this.indices.size
  }

  /** @internal */
  native(): NativeFeatures {
    const { indptr, indices, values } = this
    return { indptr, indices, values, columns: this.shape[1] }
  }

  /** As a dense matrix `[n, d]`. */
  toDense(dtype: FloatDtype = this.values.dtype): Tensor<FloatDtype, 2> {
    return invokeNow('graph.denseFeatures', { features: this.native(), dtype })
  }
}

/** Features of nodes in any form: rows `[n, d]`, or a sparse matrix. */
export type FeaturesLike = RowsLike | SparseMatrix | SparseParts

/** @internal Features as the core has them, as what the package gives. */
export const wrapFeatures = (native: NativeFeatures): Tensor<FloatDtype, 2> | SparseMatrix =>
  'dense' in native ? (native.dense as Tensor<FloatDtype, 2>) : new SparseMatrix(native)

/** @internal */
export const nativeOf = (features: Tensor | SparseMatrix): NativeFeatures =>
  features instanceof SparseMatrix ? features.native() : { dense: features }

/** @internal Checked features of `nodes` nodes. */
export function toFeatures(features: FeaturesLike, nodes: number | undefined): Tensor<FloatDtype, 2> | SparseMatrix {
  const made = checkedFeatures(features)
  if (nodes !== undefined && made.shape[0] !== nodes) {
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `features have ${made.shape[0]} rows, and the graph has ${nodes} nodes; each node has one row`,
      { details: { rows: made.shape[0], nodes } },
    )
  }
  return made
}

function checkedFeatures(features: FeaturesLike): Tensor<FloatDtype, 2> | SparseMatrix {
  if (features instanceof SparseMatrix) return features
  if (typeof features === 'object' && features !== null && 'indptr' in features) return SparseMatrix.from(features)
  const dense = toRows(features, 'features')
  try {
    return wrapFeatures(invokeNow('graph.features', { features: { dense } }))
  } finally {
    if (dense !== features) dense.dispose()
  }
}
