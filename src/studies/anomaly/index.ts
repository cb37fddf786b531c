/** The anomaly study: an energy against two classical detectors on tables. */
export { anomalySection } from './report.js'
export {
  type AnomalyOptions,
  type AnomalyResult,
  type AnomalyRow,
  anomalyStudy,
  DETECTORS,
  type DetectorName,
} from './study.js'
export { summarise, textTable, winners } from './summary.js'
export { type AnomalyTable, readTable, shippedTables } from './tables.js'
