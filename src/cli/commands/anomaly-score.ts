/** `langevin anomaly score`: scores the rows of a file with a detector that `anomaly fit` wrote. */
import type { Command } from 'commander'
import { LangevinError } from '../../errors.js'
import * as ood from '../../ood/index.js'
import { readOptions, readRows, type TextStyle } from '../data.js'
import { action, finite, interruption, names, note, print, printJson, wholeNumber } from '../support.js'

interface ScoreCommandOptions extends TextStyle {
  ignore?: string[]
  format?: string
  fpr?: number
  threshold?: number
  threads?: number
  json?: boolean
}

const EXAMPLES = `
Columns are found by their names, in any order; one that is missing or unknown is an error. The higher the score, the less a row
is like those the detector was fitted to. p_value: of new normal rows at most this share scores so high. With --fpr or
--threshold a last column says which rows are above.

Examples:
  npx langevin anomaly score detector.safetensors new.csv > scores.csv
  npx langevin anomaly score detector.safetensors new.csv --fpr 0.1 --json
  cat new.csv | npx langevin anomaly score detector.safetensors - --threshold 2.5`

interface ScoredRow {
  row: number
  score: number
  pValue?: number
  anomaly?: boolean
}

function thresholdOf(fitted: ood.FittedDetector, { fpr, threshold }: ScoreCommandOptions): number | undefined {
  if (fpr !== undefined && threshold !== undefined) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'give either --fpr or --threshold, not both')
  }
  return fpr === undefined ? threshold : fitted.threshold({ fpr })
}

function asText(rows: readonly ScoredRow[], withPValues: boolean, withAnomaly: boolean): string {
  const head = ['row', 'score', ...(withPValues ? ['p_value'] : []), ...(withAnomaly ? ['anomaly'] : [])]
  const lines = rows.map(({ row, score, pValue, anomaly }) =>
    [row, score, ...(withPValues ? [pValue] : []), ...(withAnomaly ? [anomaly ? 1 : 0] : [])].join(','),
  )
  return [head.join(','), ...lines].join('\n')
}

async function run(path: string, data: string, options: ScoreCommandOptions): Promise<void> {
  await using fitted = await ood.load(path)
  const threshold = thresholdOf(fitted, options)
  const rows = await readRows(data, { ...options, keepMissing: fitted.inputs?.schema !== undefined })
  const { signal, release } = interruption()
  try {
    const threads = options.threads === undefined ? {} : { threads: options.threads }
    using scores = await fitted.scores(rows, { ...threads, signal })
    const scored = (scores.toArray() as number[]).map(
      (score, k): ScoredRow => ({
        row: k + 1,
        score,
        ...(fitted.heldOut > 0 && { pValue: fitted.pValue(score) }),
        ...(threshold !== undefined && { anomaly: score > threshold }),
      }),
    )
    if (options.json) printJson({ kind: fitted.kind, ...(threshold !== undefined && { threshold }), rows: scored })
    else print(asText(scored, fitted.heldOut > 0, threshold !== undefined))
    if (threshold !== undefined) {
      const above = scored.filter(({ anomaly }) => anomaly).length
      note(`${above} of ${scored.length} rows score above ${threshold}`)
    }
  } finally {
    release()
  }
}

/** `langevin anomaly score detector.safetensors new.csv --fpr 0.01` */
export default function register(parent: Command): void {
  const command = parent
    .command('score')
    .description('score the rows of a file with a detector that `anomaly fit` wrote')
    .argument('<detector>', 'what `langevin anomaly fit` or FittedDetector.save wrote')
    .argument('<data>', '.csv, .tsv, .npz, .npy, .parquet or .safetensors; - for stdin')
    .option('--fpr <share>', 'flag rows, at most this share of the normal ones (0.01: one in a hundred)', finite)
    .option('--threshold <score>', 'flag rows that score above this', finite)
    .option('--ignore <names>', 'columns of the file to leave out, comma-separated', names)
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { kind, threshold, rows } as JSON')
  readOptions(command).addHelpText('after', EXAMPLES)
  action(command, run)
}
