/** A run for a table that comes without a run.json: what `langevin init` writes, and `langevin train rows.csv` runs. */
import { basename, extname } from 'node:path'
import type { Dataset } from '../data/dataset.js'
import { inputs, inputWidthOf } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { hint, kindsOf, type SpecValue } from '../spec/index.js'
import type { TextStyle } from './data.js'
import '../objectives/index.js'

/** Noise level of denoising score matching, in standard deviations of the columns. */
const SIGMA = 0.3
const chains = { kind: 'mala', steps: 10, stepSize: 0.02 }

/**
 * Objectives by short names and by kind, with options that suit standardised columns. The short names are those of
 * `langevin compare`.
 */
const OBJECTIVES: Readonly<Record<string, SpecValue>> = {
  dsm: { kind: 'denoisingScoreMatching', sigma: SIGMA },
  nce: { kind: 'noiseContrastive', noise: { kind: 'dataGaussian' }, ratio: 8 },
  'ranking-nce': { kind: 'rankingNoiseContrastive', noise: { kind: 'dataGaussian' }, negatives: 8 },
  cnce: { kind: 'conditionalNoiseContrastive', sigma: 0.5, negatives: 8 },
  'energy-discrepancy': { kind: 'energyDiscrepancy', t: 0.25, negatives: 8 },
  cd: { kind: 'contrastiveDivergence', sampler: chains },
  pcd: { kind: 'persistentContrastiveDivergence', sampler: chains },
  'score-matching': { kind: 'explicitScoreMatching' },
  'sliced-score-matching': { kind: 'slicedScoreMatching', varianceReduced: true },
}

/** Short names that `--objective` takes beside every kind. */
export const OBJECTIVE_NAMES = Object.keys(OBJECTIVES)

/** The objective a user typed: a short name, a kind, or JSON. */
export function objectiveOf(text: string): SpecValue {
  const named = Object.hasOwn(OBJECTIVES, text) ? OBJECTIVES[text] : undefined
  const preset = named ?? Object.values(OBJECTIVES).find(({ kind }) => kind === text)
  if (preset !== undefined) return preset
  if (kindsOf('objective').includes(text)) return { kind: text }
  try {
    return JSON.parse(text) as SpecValue
  } catch (cause) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `--objective: unknown objective '${text.slice(0, 80)}'${hint(text, [...OBJECTIVE_NAMES, ...kindsOf('objective')])}; or give a spec as JSON`,
      { cause },
    )
  }
}

export interface PlanOptions extends TextStyle {
  format?: string | undefined
  objective?: string | undefined
  hidden?: readonly number[] | undefined
  columns?: readonly string[] | undefined
  ignore?: readonly string[] | undefined
  y?: string | undefined
}

/** rows.csv -> rows.safetensors, in the folder the command runs in. */
function outOf(path: string): string {
  if (path === '-' || path === '/dev/stdin') return 'model.safetensors'
  const name = basename(path, extname(path))
  return extname(path) === '.safetensors' ? `${name}.model.safetensors` : `${name}.safetensors`
}

/** An energy of x, or of x given y where a y is named: a class, or numbers. */
function energyOf(dataset: Dataset, input: number, hidden: readonly number[], y?: string): SpecValue {
  const common = { input, hidden, activation: 'silu', gaussianBase: 'full' }
  if (y === undefined) return { kind: 'mlp', ...common }
  const labels = dataset.withLabel(y).labels()!
  if (labels.dtype !== 'int64') return { kind: 'conditional', ...common, condition: 1 }
  const last = Array.from(labels.toTypedArray(), Number).reduce((a, b) => Math.max(a, b))
  return { kind: 'conditional', ...common, classes: last + 1 }
}

const defined = (members: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

function learningRate(kind: string) {
  return { kind: 'cosine', from: kind.startsWith('persistent') ? 0.001 : 0.005, warmup: 50 }
}

/**
 * The setting of docs/anomaly.md with one noise level: an MLP on a Gaussian base that is fitted to the rows, so that energies rise
 * far from the data, whatever the network says there; denoising score matching; a learning rate that falls to 0; averaged weights.
 */
export function planRun(path: string, dataset: Dataset, options: PlanOptions): Record<string, unknown> {
  const { format, header, decimal, thousands, delimiter, objective = 'dsm', hidden = [64, 64], columns, y } = options
  // A label that was not asked for is neither x nor y.
  const label = y === undefined && dataset.label !== undefined ? [dataset.label] : []
  const ignore = [...(options.ignore ?? []), ...label]
  const x = inputs(dataset, {
    standardize: false,
    ...(columns !== undefined && { columns }),
    ...(y !== undefined && { y }),
  })
  const spec = objectiveOf(objective)
  const energy = energyOf(dataset, inputWidthOf(x), hidden, y)
  // In units of the noise, the only scale this objective sees.
  const scaled = spec.kind === 'denoisingScoreMatching' && typeof spec.sigma === 'number' && energy.kind === 'mlp'
  return {
    energy: { ...energy, ...(scaled && { inputScale: Number((1 / (spec.sigma as number)).toPrecision(3)) }) },
    data: { path, ...defined({ format, header, decimal, thousands, delimiter }) },
    ...(columns !== undefined && { columns }),
    ...(ignore.length > 0 && { ignore }),
    ...(y !== undefined && { y }),
    standardize: true,
    objective: spec,
    optimizer: { kind: 'adam', lr: learningRate(spec.kind) },
    ema: { decay: 0.99, warmup: true },
    steps: 2000,
    batchSize: 256,
    seed: 0,
    out: outOf(path),
  }
}
