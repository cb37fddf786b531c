/** Train on synthetic, test on real: how well a label is told by judges that learned from synthetic rows, beside real ones. */
import type { Schema } from '../columns/index.js'
import type { Dataset } from '../data/dataset.js'
import { LangevinError } from '../errors.js'
import { boosting } from './boosting.js'
import { accuracyOf, type ClassQuality } from './classify.js'
import { type Features, featuresOf, someOf } from './features.js'
import { logisticRegression } from './logistic.js'

export const JUDGES = ['logistic', 'boosting'] as const
export type Judge = (typeof JUDGES)[number]

/** How well the label of the test rows was told. */
export interface Verdict extends Partial<ClassQuality> {
  readonly judge: Judge
  readonly learnedFrom: 'real' | 'synthetic'
  /** Rows it learned from. */
  readonly rows: number
  /** Of numbers: the root of the mean squared error, and 1 - MSE / variance. */
  readonly rmse?: number
  readonly r2?: number
}

export interface Judgement {
  readonly label: string
  readonly task: 'classification' | 'regression'
  /** 'held-out': the rows of a table of their own; 'part': a fifth of the real rows, which the judge of real rows did not learn from. */
  readonly tested: 'held-out' | 'part'
  readonly testRows: number
  readonly verdicts: readonly Verdict[]
  /** What could not be judged, and why. */
  readonly notes: readonly string[]
}

export interface JudgeOptions {
  /** The column that is told from the others. */
  label: string
  /** Default: both. */
  judges?: readonly Judge[] | undefined
  /** The Python of the judge 'boosting'. Default: set-up's own environment, else python3. */
  python?: string | undefined
  /** Default 0. */
  seed?: number
  threads?: number | undefined
  signal?: AbortSignal | undefined
}

/** Share of the real rows that are tested on where there is no table of held-out ones. */
const TESTED = 5

interface Tables {
  readonly real: Features
  readonly synthetic: Features
  readonly test: Features
}

/** A fifth of the rows, and the others; the same ones for the same seed. */
function split(features: Features, seed: number): [Features, Features] {
  // A stride through all rows in the order of the file, begun by the seed: every fifth row.
  const rows = Int32Array.from({ length: features.rows }, (_, i) => i)
  const [test, rest] = [true, false].map((wanted) =>
    someOf(
      features,
      rows.filter((row) => ((row + seed) % TESTED === 0) === wanted),
    ),
  )
  return [test!, rest!]
}

function numberVerdict(answers: Float64Array, { y, rows }: Features) {
  const mean = y.reduce((sum, each) => sum + each / rows, 0)
  const mse = y.reduce((sum, each, i) => sum + (each - answers[i]!) ** 2 / rows, 0)
  const variance = y.reduce((sum, each) => sum + (each - mean) ** 2 / rows, 0)
  return { rmse: Math.sqrt(mse), ...(variance > 0 && { r2: 1 - mse / variance }) }
}

const SOURCES = ['real', 'synthetic'] as const

async function byLogistic(tables: Tables, options: JudgeOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const learnedFrom of SOURCES) {
    const learned = tables[learnedFrom]
    const answers = await logisticRegression(learned, tables.test, options)
    verdicts.push({ judge: 'logistic', learnedFrom, rows: learned.rows, ...accuracyOf(answers, [...tables.test.y]) })
  }
  return verdicts
}

async function byBoosting(tables: Tables, options: JudgeOptions): Promise<Verdict[]> {
  const { test } = tables
  const learned = SOURCES.map((source) => tables[source])
  const { answers } = await boosting(learned, test, options)
  const width = test.classes?.length
  return answers.map((flat, k) => {
    const said =
      width === undefined
        ? numberVerdict(flat, test)
        : accuracyOf(
            Array.from({ length: test.rows }, (_, i) => flat.subarray(i * width, (i + 1) * width)),
            [...test.y],
          )
    return { judge: 'boosting', learnedFrom: SOURCES[k]!, rows: learned[k]!.rows, ...said }
  })
}

function requireRows({ real, synthetic, test }: Tables, label: string): void {
  for (const [name, { rows }] of Object.entries({ real, synthetic, test }))
    if (rows < 10)
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `label: of the ${name} rows ${rows} have a '${label}', too few to judge by; at least 10 are needed`,
        { details: { label, rows } },
      )
}

/**
 * Judges learn to tell a column from the others, once from real and once from synthetic rows, and are asked about real rows that neither
 * learned from. A judge that cannot be asked is named in `notes`; the others still are.
 *
 * Logistic regression is the package's own (classes only); boosting is scikit-learn's HistGradientBoosting (classes and numbers).
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (label, too few rows)
 */
export async function judge(
  schema: Schema,
  { real, synthetic, heldOut }: { real: Dataset; synthetic: Dataset; heldOut?: Dataset | undefined },
  options: JudgeOptions,
): Promise<Judgement> {
  const { label, judges = JUDGES, seed = 0 } = options
  const [own, drawn] = [real, synthetic].map((table) => featuresOf(schema, table, label)) as [Features, Features]
  const [test, rest] = heldOut === undefined ? split(own, seed) : [featuresOf(schema, heldOut, label), own]
  const tables = { real: rest, synthetic: drawn, test }
  requireRows(tables, label)
  const [verdicts, notes]: [Verdict[], string[]] = [[], []]
  for (const each of new Set(judges)) {
    if (each === 'logistic' && own.classes === undefined) {
      notes.push(`logistic: '${label}' is a column of numbers, which it does not tell`)
      continue
    }
    try {
      verdicts.push(...(await (each === 'logistic' ? byLogistic : byBoosting)(tables, options)))
    } catch (error) {
      if (!(error instanceof LangevinError) || error.code !== 'ERR_LANGEVIN_UNSUPPORTED') throw error
      notes.push(`${each}: ${error.message}`)
    }
  }
  const task = own.classes === undefined ? 'regression' : 'classification'
  const tested = heldOut === undefined ? 'part' : 'held-out'
  return { label, task, tested, testRows: test.rows, verdicts, notes }
}
