/** Tensors: numbers in native memory, and rows in the forms that calls accept. */
export type { Dtype } from '../native/contract.js'
export { exactRows, plainRows, type RankOf, type RowsLike, toRows, withRows } from './rows.js'
export { arrayKind, type NestedArray, type TypedArray } from './source.js'
export { madeTensor, Tensor, tensor, wrapTensor } from './tensor.js'
export type { DtypeOf, FloatDtype, LastRank, NestedOf, NextRank, ShapeOf } from './types.js'
