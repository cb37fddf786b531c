/** Training of node classifiers as a run. */
import { LangevinError } from '../errors.js'
import type { Graph } from '../graph/index.js'
import type { Arguments } from '../native/call.js'
import { type InvokeOptions, type Run, startRun } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, Tensor, toRows } from '../tensor/index.js'

export interface NodeTrainOptions extends InvokeOptions {
  /** Numbers of the nodes that are trained on. */
  train: Tensor | readonly number[]
  /** Numbers of the nodes whose loss says when to stop. Default: none, and all epochs are run. */
  validation?: Tensor | readonly number[] | undefined
  /** int64 `[n]`, in place of the labels of the graph. */
  labels?: RowsLike | undefined
  /** Epochs at most. Default 10,000. */
  epochs?: number | undefined
  /** Default 1e-3. */
  learningRate?: number | undefined
  /** The L2 penalty of torch.optim.Adam, on all parameters. Default 1e-4. */
  weightDecay?: number | undefined
  /** Epochs without an improvement after which training stops; 0: it goes on. Default 50. */
  patience?: number | undefined
  /** How much the validation loss must fall to be an improvement. Default 1e-3. */
  minDelta?: number | undefined
  /** Probability that an epoch leaves an edge out (DropEdge). Default 0. */
  dropEdge?: number | undefined
  /** Fixes dropout and left-out edges. Default 0. */
  seed?: number | bigint | undefined
  /** Default LANGEVIN_THREADS or all cores; results do not depend on it. */
  threads?: number | undefined
}

/** One number an epoch, float64 `[epochs]`. */
export interface NodeHistory {
  /** Mean cross-entropy of the training nodes, with dropout, before the update of the epoch. */
  readonly trainLoss: Tensor<'float64', 1>
  /** Of the validation nodes, without dropout, after it; empty without validation. */
  readonly validationLoss: Tensor<'float64', 1>
  readonly validationAccuracy: Tensor<'float64', 1>
}

export interface NodeTrainResult {
  /** Epochs that were run. */
  readonly epochs: number
  /** The epoch, from 1, whose parameters the classifier has: that with the lowest validation loss. */
  readonly bestEpoch: number
  /** Why it ended: the validation loss did not fall any more, or all epochs were run. */
  readonly stopped: 'patience' | 'epochs'
  /** Of the best epoch. */
  readonly trainLoss: number
  /** Of the best epoch; undefined without validation. */
  readonly validationLoss: number | undefined
  readonly validationAccuracy: number | undefined
  readonly history: NodeHistory
}

const KNOWN = [
  'train',
  'validation',
  'labels',
  'epochs',
  'learningRate',
  'weightDecay',
  'patience',
  'minDelta',
  'dropEdge',
  'seed',
  'threads',
  'signal',
] as const satisfies readonly (keyof NodeTrainOptions)[]

/** What becomes of the classifier. */
interface Ends {
  learned(parameters: Record<string, Tensor>): void
  settled(): void
}

type Raw = Pick<NodeTrainResult, 'epochs' | 'bestEpoch' | 'stopped' | 'history'> & {
  parameters: Record<string, Tensor>
}

function finished({ parameters, ...raw }: Raw, ends: Ends): NodeTrainResult {
  ends.learned(parameters)
  const best = (values: Tensor<'float64', 1>) => values.toTypedArray()[raw.bestEpoch - 1]
  const { trainLoss, validationLoss, validationAccuracy } = raw.history
  return Object.freeze({
    ...raw,
    trainLoss: best(trainLoss)!,
    validationLoss: best(validationLoss),
    validationAccuracy: best(validationAccuracy),
  })
}

/** @internal */
export function startTraining(graph: Graph, args: Arguments, options: NodeTrainOptions, ends: Ends) {
  const made: Tensor[] = []
  const rows = (value: RowsLike | undefined, name: string): Tensor | undefined => {
    if (value === undefined) return undefined
    const tensor = toRows(value, name, value instanceof Tensor ? undefined : 'int64')
    if (tensor !== value) made.push(tensor)
    return tensor
  }
  try {
    const { train, validation, labels, signal, ...numbers } = requireOptions('NodeClassifier.train', options, KNOWN)
    const given = labels === undefined ? graph : graph.withLabels(labels)
    if (given.labels === undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        'NodeClassifier.train: the graph has no labels; make it with labels, or give { labels }',
      )
    }
    return startRun<
      NodeTrainResult,
      'validationLoss' | 'validationAccuracy',
      Run<NodeTrainResult, 'validationLoss' | 'validationAccuracy'>
    >(
      'graph.train',
      {
        ...args,
        ...numbers,
        labels: given.labels,
        train: rows(train, 'train'),
        validation: rows(validation, 'validation'),
      },
      { signal, settled: ends.settled, finish: (raw: Raw) => finished(raw, ends) },
    )
  } catch (error) {
    ends.settled()
    throw error
  } finally {
    for (const each of made) each.dispose()
  }
}
