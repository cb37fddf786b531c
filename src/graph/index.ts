/** Graphs: nodes with features and labels, and the edges between them. */
export { type EdgeCounts, type EdgeOptions, Graph, type GraphArrays, type PrepareOptions } from './graph.js'
export {
  type FeaturesLike,
  nativeOf,
  nativeParts,
  SparseMatrix,
  type SparseParts,
} from './sparse.js'
