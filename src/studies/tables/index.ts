/** Tables judged: a synthetic one beside the real one, the probabilities of a class beside what occurred. */
export { type ClassifiedBy, classifyPage } from './classify-report.js'
export { tableComparePage } from './compare-report.js'
export { tableCompareJson, tableCompareText } from './summary.js'
