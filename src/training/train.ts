/** train(): trains an energy; evaluateObjective(): one evaluation of an objective. */
import type { Energy } from '../energy.js'
import { invoke, startRun, type TrainWarning } from '../runtime/index.js'
import { requireOptions, type SpecValue, toPlain } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import { networkMetadata } from '../weights.js'
import { firstOfEach, readCheckpoint, recipeOf, writeCheckpoint } from './checkpoint.js'
import type { Monitor } from './monitors.js'
import type { TrainChecks, TrainResult } from './result.js'
import { rolesOf, type Trained } from './roles.js'
import { rowsOf, type TrainingRows } from './rows.js'
import { TrainRun } from './run.js'
import { type TrainSpecOptions, trainSpec } from './spec.js'
import { heldOut } from './validation.js'

/** Options of `train`, see there. All but `signal` are plain JSON (the seed may be a bigint). */
export interface TrainOptions extends Omit<TrainSpecOptions, 'seed'> {
  /** Fixes every random number. Default 0. */
  seed?: number | bigint | undefined
  /** Stops the run; `done` then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined
}

/**
 * Trains an energy. The run starts at once on the runtime thread of the energy's device; the model is busy until it ends.
 *
 * @param trained the energy; or `{ energy, <role>: network, ... }` for an objective that trains more networks, by the roles
 *   it names (fDivergence: helper, learnedSteinDiscrepancy: critic). A role that is not given is made by the objective
 *   where it can. Afterwards they hold the trained weights (the energy the averaged ones with `ema`). After a failure or
 *   an abort they hold the weights of the last completed step.
 * @param source rows `[n, d]` or `[n, ...inputShape]`; a Dataset (its label column is y); `data.rows(...)`, which stay as
 *   they are stored (images as bytes, files) and may be augmented; `{ x, y, unlabelled? }`. y is the condition of a conditional energy, the
 *   labels of crossEntropy, the targets of meanSquaredError; a ladder of denoisingScoreMatching brings its own.
 *   `unlabelled`: a second data set without y, with batches of its own of the same size (jointEnergy).
 * @param options
 *   - `objective` (required), `optimizer` (default adam, lr 1e-3; its lr may be a schedule over the run)
 *   - `steps` or `epochs` (one is required); `batchSize` (default 256): rows per step, drawn without replacement
 *     from one permutation per epoch; batch s depends on (seed, s) alone
 *   - `optimizers`: { <role>: optimizer } for the networks beside the energy (default: the one the objective names)
 *   - `seed` (default 0): every random number; the same seed gives the same bits at any number of threads
 *   - `ema`: decay of the exponential average of the weights, e.g. 0.999, starting at the weights after the first step;
 *     `{ decay, warmup: true }` uses min(decay, (1 + t) / (10 + t)) at step t, for short runs
 *   - `clipNorm`: largest gradient norm; `penalties`: { energy, gradient, l1 } weights of mean E(data)^2 + mean
 *     E(negatives)^2, of mean |dE/dx|^2 on data, and of the sum of |w| over the weights of the energy, which brings those that
 *     hardly matter to about 0 (default 0; an L2 penalty is `weightDecay` of the optimizer)
 *   - `divergence`: { gap } stops the run when |mean E(negatives) - mean E(data)| exceeds it (default 1e5). With `recover`: {
 *     attempts: 3, lr: 0.5, every: 100 } a run that diverges goes on instead: weights, optimisers and history go back to the
 *     older of the two newest states kept every `every` steps, chains of the objective start anew with other random numbers, and the learning
 *     rate is multiplied by `lr`. Each time is a warning event and an entry of the result's `recoveries`; after `attempts` the run fails
 *   - `extraLr`: learning rate of the objective's own numbers (log Z) as a multiple of the optimizer's (default 1); they
 *     get no weight decay
 *   - `validation`: { fraction, every, patience } holds a share of the rows out (default 0.1, chosen by `seed`), measures the
 *     loss on them every `every` steps (default 100, and at the end of a shorter run; of the averaged weights with `ema`) and leaves the weights that did best
 *     in the model; `patience` measurements in a row without a better one end the run. Not for objectives that draw from the
 *     model: their loss does not measure the fit
 *   - `checkpoint`: { path, every? }: writes a safetensors file every `every` steps, at the end, on `run.checkpoint()`
 *     and when the run is aborted; the name appears only when the file is whole. `{step}` in the path stands for the number of the
 *     step, and each checkpoint then has a file of its own. `resume`: such a file; the run
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
    penalties?: { energy?: number; gradient?: number; l1?: number }
    threads?: number
    signal?: AbortSignal
  },
): Promise<ObjectiveEvaluation> {
  const known = ['objective', 'seed', 'step', 'extras', 'penalties', 'threads', 'signal']
  const { signal, objective, ...rest } = requireOptions('evaluateObjective', options, known)
  if (rest.penalties) requireOptions('evaluateObjective: penalties', rest.penalties, ['energy', 'gradient', 'l1'])
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

/** The checks with the name of the column they found. */
function withName(checks: TrainChecks, { inputs }: Energy): TrainChecks {
  const column = checks.tails?.worst.column ?? null
  if (column === null || inputs === undefined || inputs.widths !== undefined) return checks
  const { tails, ...rest } = checks
  return { ...rest, tails: { ...tails!, worst: { ...tails!.worst, name: inputs.columns[column]! } } }
}
