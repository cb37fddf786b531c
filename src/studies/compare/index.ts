/** The comparison of training objectives on toy data. */
export { plans } from './plans.js'
export { compareJson, comparePage } from './report.js'
export { SOURCE_NAMES, type SourceName } from './sources.js'
export { type CompareOptions, type CompareResult, type CompareRow, runComparison, STEPS } from './study.js'
export { overall, textTable } from './summary.js'
