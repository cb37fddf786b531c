/** The trained networks of the study. */
import type { Graph } from '../../graph/index.js'
import { NodeClassifier, type NodeOutputs } from '../../graphs/node-classifier.js'
import { networks } from '../../networks/index.js'
import type { SpecValue } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'
import type { NetworkName } from './names.js'

const SPECS: Readonly<Record<NetworkName, () => SpecValue<'nodeNetwork'>>> = {
  gcn: () => networks.gcn(),
  appnp: () => networks.appnp(),
  sage: () => networks.sage(),
  gat: () => networks.gat(),
  gin: () => networks.gin(),
  mlp: () => networks.nodeMlp(),
}

export interface BackboneOptions {
  train: Tensor
  validation: Tensor
  /** Initial weights and dropout. */
  seed: number
  epochs: number
  threads?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: (epoch: number) => void
}

/** A trained network. */
export interface Backbone {
  /** Epochs that were run. */
  readonly epochs: number
  infer(graph: Graph, edges: boolean): Promise<NodeOutputs>
  samples(
    graph: Graph,
    options: { samples: number; seed: number; dropout?: boolean; dropEdge?: number },
  ): Promise<{ logits: Tensor }>
  dispose(): void
}

/** Trains a network on the in-distribution graph: Adam, early stopping on the validation loss, the best weights restored. */
export async function trainBackbone(network: NetworkName, graph: Graph, options: BackboneOptions): Promise<Backbone> {
  const { train, validation, seed, epochs, threads, signal, onProgress } = options
  const job = { ...(threads !== undefined && { threads }), ...(signal !== undefined && { signal }) }
  const classifier = await NodeClassifier.create(SPECS[network](), {
    features: graph.featureCount,
    classes: graph.classes!,
    seed,
  })
  try {
    const run = classifier.train(graph, { train, validation, epochs, seed, ...job })
    for await (const event of run) if (event.type === 'progress') onProgress?.(event.step)
    const result = await run.done
    return {
      epochs: result.epochs,
      infer: (of, edges) => classifier.infer(of, { edges, ...job }),
      samples: (of, { samples, seed: drawn, dropout = false, dropEdge = 0 }) =>
        classifier.inferSamples(of, { samples, dropout, dropEdge, seed: drawn, ...job }),
      dispose: () => classifier.dispose(),
    }
  } catch (error) {
    classifier.dispose()
    throw error
  }
}
