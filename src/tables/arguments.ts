/** What the calls on tables are given, checked. */
import { Dataset } from '../data/dataset.js'
import { invalid } from '../spec/index.js'
import { TableModel } from './model.js'

export function requireTable(of: string, table: Dataset, name = 'table'): void {
  if (!(table instanceof Dataset))
    invalid(of, name, 'expected a data set with named columns: data.csv(path), data.fromRows(objects)')
}

export function requireModel(of: string, model: TableModel): void {
  if (!(model instanceof TableModel))
    invalid(
      of,
      'model',
      'expected a model of a table: (await tables.fit(table)).model, or tables.TableModel.load(path)',
    )
}
