/** Calls of the native core: at once, as a job with a promise, or as a Run with events. */

export type {
  CheckpointEvent,
  EndEvent,
  EpochEvent,
  ProgressEvent,
  RunEvent,
  TrainWarning,
  WarningEvent,
} from './events.js'
export { type InvokeOptions, invoke, invokeNow, invokeNumbers } from './invoke.js'
export { type OnCheckpoint, Run, type RunHooks, type RunState } from './run.js'
export { type StartRunOptions, startRun } from './start-run.js'
