/** Energies of tables: fitted, scored, sampled, completed and classified, from raw rows to raw rows. */
export { accuracyOf, type Classified, classifyTable, labelColumn } from './classify.js'
export { completeTable, type DrawOptions, drawTable, tableSampler } from './draw.js'
export { fitTable, type TableFit, type TableFitOptions } from './fit.js'
export { requireColumns, type TableFacts, TableModel } from './model.js'
export { type ScoreOptions, type Scores, scoreTable } from './score.js'
