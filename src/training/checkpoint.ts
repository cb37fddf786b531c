/** Checkpoints of training: what they hold, and what a resumed run must share with the one that wrote them. */
import type { Inputs } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../io/safetensors.js'
import { toTensors } from '../io/tensors.js'
import type { CheckpointEvent, TrainWarning } from '../runtime/index.js'
import type { Tensor } from '../tensor/index.js'
import { STATE_PREFIX } from '../weights.js'

import type { Recovery } from './result.js'
import type { Roles } from './roles.js'
import type { TrainSpec } from './spec.js'

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
  'recover',
] as const

/** The options that make the numbers, as plain JSON. */
export function recipeOf(spec: TrainSpec, seed: number | bigint, networks: Roles['networks'], inputs?: Inputs): Recipe {
  const specs = Object.fromEntries(Object.entries(networks).map(([role, network]) => [role, network.spec]))
  const { recover } = spec.divergence ?? {}
  const all: Recipe = {
    ...spec,
    seed: String(seed),
    inputs,
    recover,
    ...(Object.keys(specs).length > 0 && { networks: specs }),
  }
  return Object.fromEntries(SAME_ON_RESUME.filter((key) => all[key] !== undefined).map((key) => [key, all[key]]))
}

/** Where the checkpoint of a step goes: `{step}` in the path stands for its number, so that each has a file of its own. */
const pathAt = (path: string, step: number) => path.replaceAll('{step}', String(step))

export async function writeCheckpoint(
  event: CheckpointEvent,
  pattern: string | undefined,
  metadata: Record<string, string>,
  recipe: Recipe,
  earlier: readonly TrainWarning[],
): Promise<CheckpointEvent> {
  const {
    tensors,
    data,
    rows,
    warnings: own,
    recoveries,
    ...rest
  } = event as CheckpointEvent & {
    tensors: Record<string, Tensor>
    data: unknown
    rows: unknown
    warnings: readonly TrainWarning[]
    recoveries: readonly Recovery[]
  }
  try {
    // run.checkpoint() without a path: the event says that the step was reached; there is nothing to write.
    if (pattern === undefined) return rest
    const path = pathAt(pattern, event.step)
    const warnings = firstOfEach([...earlier, ...own])
    const state = JSON.stringify({ recipe, step: event.step, data, rows, warnings, recoveries })
    await writeSafetensors(path, tensors, { ...metadata, [CHECKPOINT_KEY]: state })
    return { ...rest, path }
  } finally {
    for (const each of Object.values(tensors)) each.dispose()
  }
}

export async function readCheckpoint(path: string, recipe: Recipe) {
  const { tensors, metadata } = await readSafetensors(path)
  const text = metadata[CHECKPOINT_KEY]
  if (text === undefined || !Object.keys(tensors).some((name) => name.startsWith(STATE_PREFIX))) {
    throw formatError(path, undefined, 'not a training checkpoint; to start from its weights use Energy.load')
  }
  let state: {
    recipe: Recipe
    step: number
    data: string
    rows: number
    warnings?: TrainWarning[]
    recoveries?: Recovery[]
  }
  try {
    state = JSON.parse(text)
  } catch (cause) {
    throw formatError(path, undefined, `'${CHECKPOINT_KEY}' in its metadata is not JSON`, cause)
  }
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  const { warnings = [], recoveries = [] } = state ?? {}
  const isList = (value: unknown) => Array.isArray(value) && value.every(isObject)
  if (!isObject(state) || !isList(warnings) || !isList(recoveries)) {
    throw formatError(path, undefined, `'${CHECKPOINT_KEY}' in its metadata is not what a run writes`)
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
    warnings,
    recoveries,
  }
}

/** The step of a checkpoint, from its header alone. @throws (rejects) ERR_LANGEVIN_FORMAT unless it is whole, _IO */
export async function checkpointStep(path: string): Promise<number> {
  const text = (await readSafetensorsMetadata(path))[CHECKPOINT_KEY]
  try {
    const { step } = JSON.parse(text!) as { step: number }
    if (Number.isSafeInteger(step)) return step
  } catch {
    // Said below.
  }
  throw formatError(path, undefined, 'not a training checkpoint')
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

/** A run warns of a monitor once, one that is resumed as well. */
export function firstOfEach(warnings: readonly TrainWarning[]): TrainWarning[] {
  return warnings.filter(({ monitor }, i) => warnings.findIndex((other) => other.monitor === monitor) === i)
}

type Recipe = Record<string, unknown>
