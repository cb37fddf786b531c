/** The spandrel study: where models put probability although there is no data. */
export { METRICS } from './metrics.js'
export { MODELS, PLANS, type SpandrelModel } from './models.js'
export { headline, spandrelSection } from './report.js'
export {
  runSpandrelStudy,
  type SpandrelMetrics,
  type SpandrelProgress,
  type SpandrelResult,
  type SpandrelRow,
  type StudyOptions,
} from './study.js'
export { textTable } from './summary.js'
