/** Folders of runs: what each holds, written while it goes on, listed, compared, cleaned. */
export { checkpointPattern } from './checkpoints.js'
export { type Comparison, compareRuns, type Difference, differences, lastMeans, settingsOf } from './compare.js'
export {
  createRunFolder,
  examine,
  type FoundRun,
  findRun,
  listRuns,
  newestCheckpoint,
  type OtherFolder,
  RUNS,
  type RunState,
} from './folder.js'
export { type GcItem, type GcOptions, type GcPlan, gcPlan, gcRemove } from './gc.js'
export { alone } from './lock.js'
export { type MetricsLine, MetricsReader } from './metrics.js'
export { FILES } from './record.js'
export { type RunFacts, RunRecorder, requireEnded } from './recorder.js'
export { type Point, Series } from './series.js'
