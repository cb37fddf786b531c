/** train(): trains an energy; evaluateObjective(): one evaluation of an objective. With checkpoints. */
import { Dataset } from '../data/dataset.js'
import type { InputRows } from '../data/input-rows.js'
import type { Inputs } from '../data/inputs.js'
import { RowSource } from '../data/rows.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import { readSafetensors, writeSafetensors } from '../io/safetensors.js'
import { toTensors } from '../io/tensors.js'
import { type CheckpointEvent, invoke, startRun } from '../runtime/index.js'
import { requireOptions, type SpecValue, toPlain } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'
import { networkMetadata, STATE_PREFIX } from '../weights.js'
import type { Monitor } from './monitors.js'
import { type Roles, rolesOf, type Trained } from './roles.js'
import { TrainRun } from './run.js'
import { type TrainSpec, trainSpec } from './spec.js'
import { heldOut, type ValidationResult } from './validation.js'

/** What training reads: a Dataset, rows, rows that stay as they are stored (data.rows), or rows with their y. */
export type TrainingRows = Dataset | RowSource | RowsLike | { x: RowSource | RowsLike; y?: RowsLike }

/** Options of `train`, see there. All but `signal` are plain JSON (the seed may be a bigint). */
export type TrainOptions = Omit<Parameters<typeof trainSpec>[0], 'seed' | 'kind'> & {
  seed?: number | bigint
  signal?: AbortSignal
}

/** One point of a run's history: means over the steps since the point before. */
export interface HistoryPoint {
  /** Steps done. */
  readonly step: number
  readonly loss: number
  readonly gradientNorm: number
  readonly parameterNorm: number
  readonly lr: number
  /** mean E(negatives) - mean E(data), where the objective has negatives. */
  readonly gap?: number
  readonly [monitor: string]: number | undefined
}

/** Something is wrong with a run that goes on: a monitor has passed its limit, or the objective says so. Also an event. */
export interface TrainWarning {
  /** Steps done when it was seen. */
  readonly step: number
  /** Which number says so: docs/reference/monitors.md lists them. */
  readonly monitor: string
  /** Stable name of what is wrong; the code of diagnose()'s finding. */
  readonly code: string
  /** 'error': the energy is not to be used. 'warning': it is biased or imprecise. */
  readonly severity: 'error' | 'warning'
  /** Mean of the monitor over a tenth of the run, or the one value the objective warned of. */
  readonly value: number
  /** The limit it passed; null where there is none (shortRun). */
  readonly limit: number | null
  /** What was seen. */
  readonly message: string
  /** What to change. Nothing is changed by itself. */
  readonly remedy: string
}

/** What is looked at once, when a run has ended, on the weights the model then has; null: not asked. diagnose() reads it. */
export interface TrainChecks {
  /**
   * E along rays that start at rows of the data (single columns up and down, corners, random directions), at `distances` in half
   * widths of the box of the data. Null where exp(-E) is not meant as a density over all of space: discrete columns, a box of
   * the sampler, objectives of answers and labels.
   */
  readonly tails: {
    readonly distances: readonly number[]
    readonly rays: number
    /** Rays along which E falls between the last two distances; and those along which it rises by less than log r. */
    readonly falling: number
    readonly flat: number
    /** E at the rows where the rays start. */
    readonly data: { readonly mean: number; readonly low: number; readonly high: number }
    /** The ray along which E ends lowest, and the column that moves along it where that is a single one. */
    readonly worst: {
      readonly energies: readonly number[]
      readonly column: number | null
      /** Of the column, where the model has inputs. */
      readonly name?: string
      readonly up: boolean
    }
    /** The lowest E of all but the rows themselves. */
    readonly lowest: { readonly energy: number; readonly distance: number }
  } | null
  /**
   * The chains of the last step against rows of the data: their energy distance less its mean over permutations, as a share of
   * the largest it can be (0: one law, 1: far apart), with the p-value of the permutation test; and how often the nearest other
   * row tells whether a row is of the chains or of the data (0.5: one law). Null where the objective has no chains, or starts
   * them at the rows of the step.
   */
  readonly negatives: {
    readonly rows: number
    readonly distance: number
    readonly pValue: number
    readonly accuracy: number
  } | null
}

export interface TrainResult {
  /** At most about 1,000 points. */
  readonly history: readonly HistoryPoint[]
  /** Steps done, those before a resume included. */
  readonly steps: number
  /** Seconds this run took. */
  readonly seconds: number
  /** With `ema`: the weights as the optimiser left them, by name. The model holds the averaged ones. */
  readonly rawParameters?: Readonly<Record<string, Tensor>>
  /** Learned numbers of the objective: { logZ } of noiseContrastive. */
  readonly extras: Readonly<Record<string, number>>
  /** Weights of networks the objective trained along with the model, by name: { helper } of fDivergence. */
  readonly networks: Readonly<Record<string, Readonly<Record<string, Tensor>>>>
  /** What the objective counted: { buffer: { draws, restarts, age, uses, saturation } } of PCD. */
  readonly statistics: Readonly<Record<string, unknown>>
  /** In the order they came, at most one per monitor; those of the run it resumed first. */
  readonly warnings: readonly TrainWarning[]
  readonly checks: TrainChecks
  /** With `validation`. */
  readonly validation?: ValidationResult
}

const CHECKPOINT_KEY = 'langevin.checkpoint'
// What a resumed run must share with the one that wrote the checkpoint for its numbers to be a continuation.
const SAME_ON_RESUME = [
  'objective',
  'optimizer',
  'optimizers',
  'networks',
  'batchSize',
  'seed',
  'ema',
  'clipNorm',
  'penalties',
  'extraLr',
  'inputs',
  'validation',
] as const

/**
 * Trains an energy. The run starts at once on the runtime thread of the energy's device; the model is busy until it ends.
 *
 * @param trained the energy; or `{ energy, <role>: network, ... }` for an objective that trains more networks, by the roles
 *   it names (fDivergence: helper, learnedSteinDiscrepancy: critic). A role that is not given is made by the objective
 *   where it can. Afterwards they hold the trained weights (the energy the averaged ones with `ema`). After a failure or
 *   an abort they hold the weights of the last completed step.
 * @param source rows `[n, d]` or `[n, ...inputShape]`; a Dataset (its label column is y); `data.rows(...)`, which stay as
 *   they are stored (images as bytes, files) and may be augmented; `{ x, y }`. y is the condition of a conditional energy, the
 *   labels of crossEntropy, the targets of meanSquaredError; a ladder of denoisingScoreMatching brings its own.
 * @param options
 *   - `objective` (required), `optimizer` (default adam, lr 1e-3; its lr may be a schedule over the run)
 *   - `steps` or `epochs` (one is required); `batchSize` (default 256): rows per step, drawn without replacement
 *     from one permutation per epoch; batch s depends on (seed, s) alone
 *   - `optimizers`: { <role>: optimizer } for the networks beside the energy (default: the one the objective names)
 *   - `seed` (default 0): every random number; the same seed gives the same bits at any number of threads
 *   - `ema`: decay of the exponential average of the weights, e.g. 0.999, starting at the weights after the first step;
 *     `{ decay, warmup: true }` uses min(decay, (1 + t) / (10 + t)) at step t, for short runs
 *   - `clipNorm`: largest gradient norm; `penalties`: { energy, gradient } weights of mean E(data)^2 + mean E(negatives)^2
 *     and of mean |dE/dx|^2 on data (default 0)
 *   - `divergence`: { gap } stops the run when |mean E(negatives) - mean E(data)| exceeds it (default 1e5)
 *   - `extraLr`: learning rate of the objective's own numbers (log Z) as a multiple of the optimizer's (default 1); they
 *     get no weight decay
 *   - `validation`: { fraction, every, patience } holds a share of the rows out (default 0.1, chosen by `seed`), measures the
 *     loss on them every `every` steps (default 100, and at the end of a shorter run; of the averaged weights with `ema`) and leaves the weights that did best
 *     in the model; `patience` measurements in a row without a better one end the run. Not for objectives that draw from the
 *     model: their loss does not measure the fit
 *   - `checkpoint`: { path, every? }: writes a safetensors file every `every` steps, at the end, on `run.checkpoint()`
 *     and when the run is aborted; the name appears only when the file is whole. `resume`: such a file; the run
 *     continues with the same options and the same rows, bit-equal to one that was never interrupted. `steps` counts
 *     from the start of the first run and may be raised (a learning-rate schedule then runs over the new length)
 *   - `y`: the column of a Dataset that is y, or several (default: its label column); `columns`: those that are x. An energy
 *     with `inputs` knows both, and takes rows in the units of the data; noise levels and other numbers of the objective are then
 *     in standardised units
 *   Besides the loss, the history has the monitors of docs/reference/monitors.md that the objective has. Those that pass
 *   their limits are warning events and `warnings` of the result: docs/diagnose.md.
 *   - `threads` (default: LANGEVIN_THREADS or all cores), `signal`
 * @returns a Run, with `snapshot()`: a copy of the energy while it is trained. Its progress events hold step, steps, loss, stepsPerSecond, secondsLeft and the newest monitors; epoch
 *   events { epoch, step, loss } (at most 20 per second); checkpoint events { step, path }.
 * @throws ERR_LANGEVIN_INVALID_OPTION, _SHAPE at once; `run.done` rejects with ERR_LANGEVIN_DIVERGED (a loss, energy or
 *   gradient that is not finite, or the gap: details.step, details.monitor), _NON_FINITE (data), _UNSUPPORTED (an
 *   objective this energy cannot serve), _FORMAT and _IO (checkpoint files)
 */
export function train(trained: Trained, source: TrainingRows, options: TrainOptions): TrainRun<TrainResult> {
  const { energy, networks } = rolesOf(trained, 'train()')
  const { signal, seed = 0, ...rest } = options ?? {}
  const spec = trainSpec(rest as Parameters<typeof trainSpec>[0])
  const { checkpoint, resume, y, columns, validation, kind: _, ...core } = spec
  const { rows: all, made } = rowsOf('train', source, spec, energy)
  const release = () => {
    for (const each of made) each.dispose()
  }
  const recipe = recipeOf(spec, seed, networks, energy.inputs)
  let earlier: readonly TrainWarning[] = []
  const prepare = async () => {
    const { warnings, ...rest } = await readCheckpoint(resume!, recipe)
    earlier = warnings
    return { resume: rest }
  }
  try {
    const args = {
      energy: energy.native(),
      networks,
      ...heldOut(all, validation, seed, made),
      ...core,
      seed,
      checkpoints: checkpoint !== undefined,
      every: checkpoint?.every,
    }
    return startRun<TrainResult, Monitor, TrainRun<TrainResult>>('train', args, {
      signal,
      make: (hooks) => new TrainRun(hooks, energy),
      finish: (raw: TrainResult) => ({
        ...raw,
        warnings: firstOfEach([...earlier, ...raw.warnings]),
        checks: withName(raw.checks, energy),
      }),
      settled: release,
      ...(resume !== undefined && { prepare }),
      onCheckpoint: (event) => writeCheckpoint(event, checkpoint?.path, networkMetadata(energy), recipe, earlier),
    })
  } catch (error) {
    release()
    throw error
  }
}

/** An objective's loss and gradients on given rows, with nothing trained. */
export interface ObjectiveEvaluation {
  readonly loss: number
  /** d loss / d parameter, by name. */
  readonly gradient: Readonly<Record<string, Tensor>>
  /** Values and gradients of the objective's own numbers. */
  readonly extras: Readonly<Record<string, number>>
  readonly extraGradient: Readonly<Record<string, number>>
  readonly monitors: Readonly<Record<string, number>>
  /** The rows the energy was evaluated on, in order: data, negatives, corrupted data. */
  readonly rows: readonly { x: Tensor; y?: Tensor }[]
  /** Weights of the objective's own networks after their part of the step. */
  readonly networks: Readonly<Record<string, Readonly<Record<string, Tensor>>>>
  /** What the objective warned of. */
  readonly warnings: readonly TrainWarning[]
}

/**
 * Evaluates an objective once, with all rows as the batch, as step `step` of a run with this `seed` would: for checking
 * gradients, and for comparing with other code on the same random numbers. The parameters stay as they are.
 */
export async function evaluateObjective(
  trained: Trained,
  source: TrainingRows,
  options: {
    objective: SpecValue<'objective'>
    seed?: number | bigint
    step?: number
    /** Values of the objective's own numbers, e.g. { logZ: 1 }. */
    extras?: Record<string, number>
    penalties?: { energy?: number; gradient?: number }
    threads?: number
    signal?: AbortSignal
  },
): Promise<ObjectiveEvaluation> {
  const known = ['objective', 'seed', 'step', 'extras', 'penalties', 'threads', 'signal']
  const { signal, objective, ...rest } = requireOptions('evaluateObjective', options, known)
  if (rest.penalties) requireOptions('evaluateObjective: penalties', rest.penalties, ['energy', 'gradient'])
  const { energy, networks } = rolesOf(trained, 'evaluateObjective()')
  const { rows, made } = rowsOf('evaluateObjective', source, {}, energy)
  try {
    const args = {
      energy: energy.native(),
      networks,
      ...rows,
      ...rest,
      objective: toPlain(objective, 'evaluateObjective'),
    }
    return await invoke<ObjectiveEvaluation>('objective.evaluate', args, { signal })
  } finally {
    for (const each of made) each.dispose()
  }
}

function isPair(source: TrainingRows): source is { x: RowSource | RowsLike; y?: RowsLike } {
  return typeof source === 'object' && source !== null && 'x' in source
}

type Columns = { y?: string | readonly string[] | undefined; columns?: readonly string[] | undefined }

/** x and y as the core takes them, and the tensors that were made here. */
function rowsOf(
  owner: string,
  source: TrainingRows,
  { y, columns }: Columns,
  energy: Energy,
): { rows: { x: object; y?: Tensor }; made: Tensor[] } {
  if (source instanceof Dataset) {
    return energy.conversion ? byName(source, y, columns, energy.conversion) : fromDataset(source, y, columns)
  }
  if (y !== undefined || columns !== undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${owner}(): ${y === undefined ? 'columns' : 'y'} names columns of a Dataset; give rows as { x, y }`,
    )
  }
  const pair = isPair(source) ? requireOptions(`${owner}: rows`, source, ['x', 'y']) : { x: source }
  const made: Tensor[] = []
  const take = (value: RowsLike, rows: Tensor) => {
    if (rows !== value) made.push(rows)
    return rows
  }
  if (pair.x instanceof RowSource && energy.conversion?.transforms) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `${owner}(): rows of data.rows() stay as they are stored, and this energy standardises its inputs; give a Dataset or a tensor, or make the energy without inputs and use { scale, shift } of data.rows()`,
    )
  }
  const x = pair.x instanceof RowSource ? pair.x.toArguments() : take(pair.x, energy.toRows(pair.x))
  const labels = 'y' in pair && pair.y !== undefined ? take(pair.y, toRows(pair.y, 'y')) : undefined
  return { rows: labels === undefined ? { x } : { x, y: labels }, made }
}

/** Columns of a data set as the energy's inputs name them. */
function byName(source: Dataset, y: Columns['y'], columns: Columns['columns'], conversion: InputRows) {
  const { inputs } = conversion
  for (const [key, given, own] of [
    ['columns', columns, inputs.columns],
    ['y', y === undefined ? undefined : [y].flat(), inputs.y ?? []],
  ] as const) {
    if (given === undefined || (given.length === own.length && given.every((name) => own.includes(name)))) continue
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `train(): ${key}: the energy's inputs name ${own.join(', ') || 'none'}, and here are ${given.join(', ')}; leave the option out, or make the energy with other inputs`,
      { details: { path: key } },
    )
  }
  const chosen = [...inputs.columns, ...(inputs.y ?? [])]
  // What the caller leaves out by naming columns is left out; without names nothing may be left over.
  const x = conversion.rows(
    columns === undefined ? source : source.drop(source.columns.filter((name) => !chosen.includes(name))),
  )
  const labels = conversion.condition(source)
  return labels === undefined ? { rows: { x }, made: [x] } : { rows: { x, y: labels }, made: [x, labels] }
}

function fromDataset(source: Dataset, y: Columns['y'], columns: Columns['columns']) {
  const names = y === undefined ? (source.label === undefined ? [] : [source.label]) : [y].flat()
  const x = source.toTensor(columns ?? source.columns.filter((name) => !names.includes(name)))
  if (names.length === 0) return { rows: { x }, made: [x] }
  const single = names.length === 1 ? source.withLabel(names[0]).labels() : undefined
  const labels = single ?? source.toTensor(names)
  return { rows: { x, y: labels }, made: [x, labels] }
}

/** The checks with the name of the column they found. */
function withName(checks: TrainChecks, { inputs }: Energy): TrainChecks {
  const column = checks.tails?.worst.column ?? null
  if (column === null || inputs === undefined || inputs.widths !== undefined) return checks
  const { tails, ...rest } = checks
  return { ...rest, tails: { ...tails!, worst: { ...tails!.worst, name: inputs.columns[column]! } } }
}

/** A run warns of a monitor once, one that is resumed as well. */
function firstOfEach(warnings: readonly TrainWarning[]): TrainWarning[] {
  return warnings.filter(({ monitor }, i) => warnings.findIndex((other) => other.monitor === monitor) === i)
}

type Recipe = Record<string, unknown>

/** The options that make the numbers, as plain JSON. */
function recipeOf(spec: TrainSpec, seed: number | bigint, networks: Roles['networks'], inputs?: Inputs): Recipe {
  const specs = Object.fromEntries(Object.entries(networks).map(([role, network]) => [role, network.spec]))
  const all: Recipe = { ...spec, seed: String(seed), inputs, ...(Object.keys(specs).length > 0 && { networks: specs }) }
  return Object.fromEntries(SAME_ON_RESUME.filter((key) => all[key] !== undefined).map((key) => [key, all[key]]))
}

async function writeCheckpoint(
  event: CheckpointEvent,
  path: string | undefined,
  metadata: Record<string, string>,
  recipe: Recipe,
  earlier: readonly TrainWarning[],
): Promise<CheckpointEvent> {
  const {
    tensors,
    data,
    rows,
    warnings: own,
    ...rest
  } = event as CheckpointEvent & {
    tensors: Record<string, Tensor>
    data: unknown
    rows: unknown
    warnings: readonly TrainWarning[]
  }
  try {
    // run.checkpoint() without a path: the event says that the step was reached; there is nothing to write.
    if (path === undefined) return rest
    const warnings = firstOfEach([...earlier, ...own])
    const state = JSON.stringify({ recipe, step: event.step, data, rows, warnings })
    await writeSafetensors(path, tensors, { ...metadata, [CHECKPOINT_KEY]: state })
    return { ...rest, path }
  } finally {
    for (const each of Object.values(tensors)) each.dispose()
  }
}

async function readCheckpoint(path: string, recipe: Recipe) {
  const { tensors, metadata } = await readSafetensors(path)
  const text = metadata[CHECKPOINT_KEY]
  if (text === undefined || !Object.keys(tensors).some((name) => name.startsWith(STATE_PREFIX))) {
    throw formatError(path, undefined, 'not a training checkpoint; to start from its weights use Energy.load')
  }
  let state: { recipe: Recipe; step: number; data: string; rows: number; warnings?: TrainWarning[] }
  try {
    state = JSON.parse(text)
  } catch (cause) {
    throw formatError(path, undefined, `'${CHECKPOINT_KEY}' in its metadata is not JSON`, cause)
  }
  for (const key of SAME_ON_RESUME) {
    const [then, now] = [canonical(state.recipe?.[key]), canonical(recipe[key])]
    if (then === now) continue
    if (key === 'inputs') {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        'resume: the inputs of the energy (columns, mean, scale) are not those of the checkpoint: the data has changed, or other ' +
          'columns are chosen; resume continues the same run. To train on with other data, start a new run from Energy.load',
        { details: { path: key, resume: path } },
      )
    }
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `resume: ${key} was ${then} when the checkpoint was written and is ${now} here; resume continues the same run. ` +
        'To train on with other options, load the weights with Energy.load and start a new run',
      { details: { path: key, resume: path } },
    )
  }
  return {
    tensors: await toTensors(Object.entries(tensors)),
    data: state.data,
    rows: state.rows,
    warnings: state.warnings ?? [],
  }
}

/** JSON with sorted keys, so that two recipes compare by what they say. */
function canonical(value: unknown): string {
  if (value === undefined) return 'not set'
  return JSON.stringify(value, (_key, member) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
