/** The graph study: scores of node classifiers under distribution shifts. */
export { NETWORKS, type NetworkName, POST_HOC, SCORES, SHIFTS, type ShiftName } from './names.js'
export { graphPage } from './report.js'
export { RUNS_FILE } from './store.js'
export {
  EPOCHS,
  type GraphStudyOptions,
  type GraphStudyResult,
  graphStudy,
  type NamedGraph,
  SAMPLES,
} from './study.js'
export { ranksOf, type SummaryLine, summaryOf, textTable } from './summary.js'
export type { GraphRow, RunRecord } from './types.js'
