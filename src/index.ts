/** langevin: energy-based models for Node.js. */
export { Calibrator, calibrators } from './calibrators/index.js'
export { Dataset } from './data/dataset.js'
export * as data from './data/index.js'
export type { Inputs, InputsOptions } from './data/inputs.js'
export { type Diagnosable, type Diagnosis, diagnose, type Finding } from './diagnose/index.js'
export { doctor } from './doctor/index.js'
export { energies, expr } from './energies/index.js'
export { type Energies, Energy, type RowRank, type Scores } from './energy.js'
export { type ErrorCode, LangevinError } from './errors.js'
export * as evaluate from './evaluate/index.js'
export type { FromTorchScriptOptions, OnnxOptions, TorchScriptOptions } from './exchange/index.js'
export { Graph, SparseMatrix } from './graph/index.js'
export * as graph from './graphs/index.js'
export {
  type ChainFactors,
  type ChainPath,
  type ChainResults,
  type Inference,
  type InferOptions,
  infer,
} from './infer.js'
export { inferences } from './inference/index.js'
export * as io from './io/index.js'
export * as metrics from './metrics/index.js'
export type { Dtype, ExplainedBlock, Explanation, ParameterInfo, Snapshot } from './native/contract.js'
export {
  type CreateOptions,
  type EvaluateOptions,
  type LoadOptions,
  Network,
  type PlacementOptions,
  type SnapshotOptions,
} from './network.js'
export { layers, networks } from './networks/index.js'
export { noises } from './noises/index.js'
export { objectives } from './objectives/index.js'
export * as ood from './ood/index.js'
export { type Detector, detectors, type FitOptions, FittedDetector } from './ood/index.js'
export { optimizers } from './optimizers/index.js'
export * as partition from './partition/index.js'
export { perturbations } from './perturbations/index.js'
export {
  type CheckpointEvent,
  type EndEvent,
  type EpochEvent,
  type ProgressEvent,
  Run,
  type RunEvent,
  type RunState,
  type WarningEvent,
} from './runtime/index.js'
export {
  type InitSpec,
  type SampleDiagnostics,
  type SampleMoments,
  type SampleOptions,
  type SampleResult,
  type SampleState,
  sample,
} from './sample.js'
export { type SamplerStatistics, samplers } from './samplers/index.js'
export { schedules } from './schedules/index.js'
export {
  createScorer,
  type Scorer,
  type ScorerCallOptions,
  type ScorerMetrics,
  type ScorerOptions,
} from './serve/scorer.js'
export { devices, memoryStats, threads, type Versions, versions } from './system.js'
export * as tables from './tables/public.js'
export {
  type DtypeOf,
  type FloatDtype,
  type NestedArray,
  type NestedOf,
  type RankOf,
  type RowsLike,
  type ShapeOf,
  Tensor,
  type TypedArray,
  tensor,
} from './tensor/index.js'
export {
  evaluateObjective,
  type HistoryPoint,
  type LabelledRows,
  type ObjectiveEvaluation,
  type RecoverOptions,
  type Recovery,
  type Trained,
  type TrainingRows,
  type TrainOptions,
  type TrainResult,
  TrainRun,
  type TrainWarning,
  train,
  type ValidationResult,
} from './training/index.js'
