/** The anomaly study: an energy against classical detectors on tables. */
export { PROTOCOLS, type Protocol } from './protocols.js'
export { type RankLine, rankTable } from './ranks.js'
export { anomalySection } from './report.js'
export {
  type AnomalyOptions,
  type AnomalyResult,
  type AnomalyRow,
  anomalyStudy,
  DEFAULT_DETECTORS,
  DETECTORS,
  type DetectorName,
} from './study.js'
export { ranks, rankText, summarise, textTable, winners } from './summary.js'
export { type AnomalyTable, readTable, shippedTables } from './tables.js'
