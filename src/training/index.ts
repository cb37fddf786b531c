/** Training: train(), its options as a spec, and one evaluation of an objective. */
export { MONITORS, type MonitorText, PLOTS, type Plot } from './monitors.js'
export type { Trained } from './roles.js'
export { TrainRun } from './run.js'
export { checkLength, ELSEWHERE, type TrainSpec, trainFields, trainSpec } from './spec.js'
export {
  evaluateObjective,
  type HistoryPoint,
  type ObjectiveEvaluation,
  type TrainingRows,
  type TrainOptions,
  type TrainResult,
  type TrainWarning,
  train,
} from './train.js'
export type { ValidationResult } from './validation.js'
