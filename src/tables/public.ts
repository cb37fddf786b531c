/** Tables as they are, from raw rows to raw rows: what `langevin table` does, for programs. */
export type { CsvForm } from '../data/csv-text.js'
export type { Replaced } from '../data/table-coder.js'
export { type Classified, classifyTable as classify } from './classify.js'
export {
  type ComparedEnergies,
  compareTables as compare,
  type TableComparison,
  type TableComparisonOptions,
} from './compare.js'
export { completeTable as complete, type DrawOptions, drawTable as sample } from './draw.js'
export { fitTable as fit, type TableFit, type TableFitOptions } from './fit.js'
export type { Judge, Judgement, Verdict } from './judge.js'
export { type TableFacts, TableModel } from './model.js'
export type { Closest, Privacy } from './privacy.js'
export { type ScoreOptions, type Scores, scoreTable as score } from './score.js'
export type { ColumnSimilarity, PairSimilarity, Similarity } from './similarity.js'
