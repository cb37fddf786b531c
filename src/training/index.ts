/** Training: train(), its options as a spec, and one evaluation of an objective. */
export { MONITORS, type MonitorText, PLOTS, type Plot } from './monitors.js'
export type { HistoryPoint, TrainResult, TrainWarning } from './result.js'
export type { Trained } from './roles.js'
export type { TrainingRows } from './rows.js'
export { TrainRun } from './run.js'
export { checkLength, ELSEWHERE, type TrainSpec, trainFields, trainSpec } from './spec.js'
export { evaluateObjective, type ObjectiveEvaluation, type TrainOptions, train } from './train.js'
export type { ValidationResult } from './validation.js'
