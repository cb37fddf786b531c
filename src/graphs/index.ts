/** Graphs: scores that say which answers of a node classifier not to trust, and distribution shifts. */
export { type OutputsFile, readOutputs } from './outputs-file.js'
export * from './scores/factories.js'
export {
  type EvidentialPrediction,
  type FitNodesOptions,
  FittedNodeScore,
  fitNodeScore as fit,
  type GebmEnergies,
  loadNodeScore as load,
  type NodePrediction,
  NodeScore,
  type NodeUncertainty,
  type ScoreNodesOptions,
} from './scores/node-score.js'
export type { GraphLike, GraphOutputs, NodeOutputsLike, Nodes } from './scores/outputs.js'
export * as shifts from './shifts/index.js'
