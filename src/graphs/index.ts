/** Graphs: node classifiers, splits, scores that say which answers of a node classifier not to trust, and distribution shifts. */

export {
  type InferOptions,
  NodeClassifier,
  type NodeClassifierOptions,
  type NodeDtype,
  type NodeLoadOptions,
  type NodeOutputs,
  type SampleInferOptions,
} from './node-classifier.js'
export type { NodeHistory, NodeTrainOptions, NodeTrainResult } from './node-training.js'
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
export { type NodeSplit, type NodeSplitOptions, split } from './split.js'
