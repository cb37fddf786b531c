/** What a network says of nodes, as scores take it, and the tensors made of what was given. */
import { LangevinError } from '../../errors.js'
import { invalid, requireOptions } from '../../spec/index.js'
import { type RowsLike, Tensor, toRows } from '../../tensor/index.js'

/** A network's answer for every node of a graph. */
export interface NodeOutputsLike {
  /** [n, C]. */
  readonly logits: RowsLike
  /** `[n, h]`, what the last layer takes, after the activation. Scores that look at logits alone do without. */
  readonly embeddings?: RowsLike | undefined
}

/** The outputs of a network, by how they were computed. A score takes what it needs and refuses to do without it. */
export interface GraphOutputs {
  /** Over the edges of the graph: the network as it was trained. */
  readonly withEdges?: NodeOutputsLike | undefined
  /** The same weights without any edge: every layer is x W + b, so a node's outputs depend on its features alone. */
  readonly withoutEdges?: NodeOutputsLike | undefined
  /** Of several passes ({ logits: [S, n, C] }, as `inferSamples` gives them) or of several networks, over the edges. */
  readonly samples?: readonly NodeOutputsLike[] | { readonly logits: Tensor } | undefined
}

/** The edges that energies are diffused over, and labels: a `Graph`, or tensors of another library. */
export interface GraphLike {
  /** int64 [2, E]: a row of sources, a row of targets. */
  readonly edges: RowsLike
  /** int64 [n], -1 = unlabelled. */
  readonly labels?: RowsLike | undefined
}

/** Nodes by number, or a mask over all nodes. */
export type Nodes = Tensor | readonly number[] | readonly boolean[]

const OUTPUTS = ['withEdges', 'withoutEdges', 'samples']

/** Tensors of one call; those that were made for it are freed by `dispose`. */
export class CallTensors {
  readonly #made: Tensor[] = []
  readonly #owner: string

  constructor(owner: string) {
    this.#owner = owner
  }

  rows(value: RowsLike | Nodes, what: string, dtype?: 'int64'): Tensor {
    const rows = toRows(value as RowsLike, `${this.#owner}: ${what}`, dtype)
    if (rows !== value) this.#made.push(rows)
    return rows
  }

  /** Node numbers stay numbers, a list of booleans becomes a mask. */
  nodes(value: Nodes, what: string): Tensor {
    if (value instanceof Tensor) return this.rows(value, what)
    const mask = Array.isArray(value) && typeof value[0] === 'boolean'
    return this.rows(value, what, mask ? undefined : 'int64')
  }

  #one(value: NodeOutputsLike, what: string): Record<string, Tensor> {
    const { logits, embeddings } = requireOptions(`${this.#owner}: ${what}`, value, ['logits', 'embeddings'])
    if (logits === undefined) invalid(this.#owner, `${what}.logits`, 'is required: [n, classes]')
    return {
      logits: this.rows(logits, `${what}.logits`),
      ...(embeddings !== undefined && { embeddings: this.rows(embeddings, `${what}.embeddings`) }),
    }
  }

  #samples(samples: NonNullable<GraphOutputs['samples']>): unknown {
    if ('logits' in samples) return { logits: this.rows(samples.logits, 'outputs.samples.logits') }
    return samples.map((each, k) => this.#one(each, `outputs.samples[${k}]`))
  }

  outputs(value: GraphOutputs): Record<string, unknown> {
    if (typeof value === 'object' && value !== null && 'logits' in value) {
      invalid(
        this.#owner,
        'outputs',
        'say how they were computed: { withEdges: { logits, embeddings }, withoutEdges: { logits, embeddings } }; GEBM is fitted to outputs with edges and scores outputs without',
      )
    }
    const given = requireOptions(`${this.#owner}: outputs`, value, OUTPUTS)
    const { withEdges, withoutEdges, samples } = given
    return {
      ...(withEdges !== undefined && { withEdges: this.#one(withEdges, 'outputs.withEdges') }),
      ...(withoutEdges !== undefined && { withoutEdges: this.#one(withoutEdges, 'outputs.withoutEdges') }),
      ...(samples !== undefined && { samples: this.#samples(samples) }),
    }
  }

  /** Edges as the core takes them; a graph that knows its number of nodes must have as many as the outputs have rows. */
  edges(graph: GraphLike | undefined, rows: number | undefined): Tensor | undefined {
    if (graph === undefined) return undefined
    const nodes = (graph as { nodes?: unknown }).nodes
    if (typeof nodes === 'number' && rows !== undefined && nodes !== rows) {
      throw new LangevinError(
        'ERR_LANGEVIN_SHAPE',
        `${this.#owner}: the graph has ${nodes} nodes and the outputs have ${rows} rows; they must be of the same graph`,
        { details: { nodes, rows } },
      )
    }
    return this.rows(graph.edges, 'graph.edges', 'int64')
  }

  dispose(): void {
    for (const each of this.#made) each.dispose()
  }
}

/** Rows of the first outputs that are there. */
export function rowsIn(outputs: Record<string, unknown>): number | undefined {
  const { samples } = outputs
  const first = outputs.withEdges ?? outputs.withoutEdges ?? (Array.isArray(samples) ? samples[0] : undefined)
  return (first as { logits: Tensor } | undefined)?.logits.shape[0]
}
