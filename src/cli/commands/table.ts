/** `langevin table`: a model of all columns of a table, from the file as it is. */
import type { Command } from 'commander'
import registerClassify from './table-classify.js'
import registerCompare from './table-compare.js'
import registerFit from './table-fit.js'
import registerUse from './table-use.js'

const OVERVIEW = `
Numbers, categories, ranks, hours and missing cells are read as they stand in the table; the model keeps what each column is.
Each has a help of its own: table fit --help.

Examples:
  npx langevin table fit people.csv --out people.safetensors
  npx langevin table score people.safetensors more.csv > scores.csv
  npx langevin table sample people.safetensors --rows 1000 > drawn.csv
  npx langevin table complete people.safetensors gaps.csv > full.csv
  npx langevin table classify people.safetensors more.csv --label income > classes.csv
  npx langevin table compare people.csv drawn.csv --held-out more.csv --label income --out report`

/** `langevin table`: fit, score, sample, complete, classify, compare. */
export default function register(program: Command): void {
  const parent = program
    .command('table')
    .description('model a table of numbers and categories: fit, score, sample, complete, classify, compare')
    .addHelpText('after', OVERVIEW)
  registerFit(parent)
  registerUse(parent)
  registerClassify(parent)
  registerCompare(parent)
}
