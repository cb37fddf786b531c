/** Nodes whose features are replaced by noise. */
import { LangevinError } from '../../errors.js'
import type { FeaturesLike, Graph } from '../../graph/index.js'
import { invoke, invokeNow } from '../../runtime/index.js'
import { requireOptions } from '../../spec/index.js'
import { type Tensor, tensor } from '../../tensor/index.js'
import { inductive, labelsOf, lowestPerClass, nodesWhere, type ShareOptions, type Shift } from './shift.js'

/**
 * Probability that a feature is 1: a number for all, 'mean' (of each column, over the in-distribution nodes) or 'classMean' (over
 * those of the node's class).
 */
export type BernoulliP = number | 'mean' | 'classMean'

export interface FeatureNoiseOptions extends ShareOptions {
  /**
   * 'normal': N(0, 1) in every column, far from any feature. { bernoulli: p }: zeros and ones, the row then divided by its
   * Euclidean norm, near to features that are prepared so.
   */
  noise: 'normal' | { bernoulli: BernoulliP }
  threads?: number | undefined
  signal?: AbortSignal | undefined
}

function probabilityOf(noise: FeatureNoiseOptions['noise']): BernoulliP | undefined {
  if (noise === 'normal') return undefined
  const p = typeof noise === 'object' && noise !== null ? noise.bernoulli : undefined
  if (p === 'mean' || p === 'classMean' || (typeof p === 'number' && p >= 0 && p <= 1)) return p
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    "graph.shifts.featureNoise: noise: give 'normal' or { bernoulli: p }, p from 0 to 1, 'mean' or 'classMean'",
  )
}

/** [d], or [classes, d] for 'classMean'. */
function probabilities(graph: Graph, p: BernoulliP, labels: Tensor, mask: Tensor): Tensor {
  if (typeof p === 'number') return tensor(new Float64Array(graph.featureCount).fill(p))
  using nodes = nodesWhere(mask, 0)
  const perClass = p === 'classMean' ? { labels, classes: graph.classes } : {}
  return invokeNow('graph.featureShares', { features: graph.native().features, nodes, ...perClass })
}

/** Features as the core gives them. */
type Replaced = { dense: Tensor } | { indptr: Tensor; indices: Tensor; values: Tensor; columns: number }

function featuresOf(replaced: Replaced, nodes: number): FeaturesLike {
  if ('dense' in replaced) return replaced.dense
  const { columns, ...parts } = replaced
  return { ...parts, shape: [nodes, columns] }
}

/**
 * The features of a drawn share of the nodes of each class are replaced by noise; these nodes are out-of-distribution. Which nodes
 * are drawn depends on `seed` and `share` alone, so one network can be asked about several kinds of noise.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION
 */
export async function featureNoise(graph: Graph, options: FeatureNoiseOptions): Promise<Shift> {
  const { noise, threads, signal, ...share } = requireOptions('graph.shifts.featureNoise', options, [
    'noise',
    'share',
    'seed',
    'threads',
    'signal',
  ])
  const p = probabilityOf(noise)
  const labels = labelsOf('featureNoise', graph)
  const mask = lowestPerClass(labels, undefined, share)
  using nodes = nodesWhere(mask, 1)
  using law = p === undefined ? undefined : probabilities(graph, p, labels, mask)
  const args = {
    features: graph.native().features,
    nodes,
    seed: share.seed ?? 0,
    ...(law !== undefined && { probabilities: law }),
    ...(p === 'classMean' && { labels }),
    ...(threads !== undefined && { threads }),
  }
  const features = featuresOf(await invoke<Replaced>('graph.replaceFeatures', args, { signal }), graph.nodes)
  const name = p === undefined ? 'normal' : `bernoulli-${p === 'classMean' ? 'class-mean' : p}`
  return inductive(name, graph.withFeatures(features), mask, graph)
}
