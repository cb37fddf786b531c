/** Outputs of a network of another library, from a file. */
import { extname } from 'node:path'
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import { npz, safetensors } from '../io/index.js'
import { Tensor } from '../tensor/index.js'
import type { NodeOutputsLike } from './scores/outputs.js'

/** What a file of outputs holds, as `fit` and `score` take it. */
export interface OutputsFile {
  outputs: { withEdges: NodeOutputsLike; withoutEdges?: NodeOutputsLike }
  graph: { nodes: number; edges: Tensor; labels?: Tensor }
  /** bool [n]. */
  train?: Tensor
}

/** Names in the file, those of PyTorch Geometric where it has one; other spellings beside them. */
const NAMES = {
  logits: ['logits'],
  embeddings: ['embeddings'],
  logitsWithout: ['logits_without_edges'],
  embeddingsWithout: ['embeddings_without_edges'],
  edges: ['edge_index', 'edges'],
  labels: ['y', 'labels'],
  train: ['train_mask', 'train'],
} as const

async function arraysOf(path: string): Promise<Record<string, unknown>> {
  const end = extname(path).toLowerCase()
  if (end === '.npz') return npz.read(path)
  if (end === '.safetensors') return (await safetensors.read(path)).tensors
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `${path}: outputs are read from .npz and .safetensors files, not '${end}'`,
    { details: { path } },
  )
}

class Arrays {
  constructor(
    private readonly path: string,
    private readonly arrays: Record<string, unknown>,
  ) {}

  optional(name: keyof typeof NAMES): Tensor | undefined {
    const found = NAMES[name].map((each) => this.arrays[each]).find((each) => each !== undefined)
    if (found === undefined) return undefined
    if (found instanceof Tensor) return found
    throw formatError(this.path, undefined, `'${NAMES[name][0]}' holds texts, not numbers`)
  }
  required(name: keyof typeof NAMES): Tensor {
    const found = this.optional(name)
    if (found !== undefined) return found
    throw formatError(
      this.path,
      undefined,
      `there is no '${NAMES[name][0]}'; it holds ${Object.keys(this.arrays).join(', ')}. scripts/reference/graph_export.py shows what to write`,
    )
  }
  rows(name: keyof typeof NAMES, value: Tensor, shape: readonly number[]): Tensor {
    if (shape.length === value.shape.length && shape.every((n, k) => n < 0 || n === value.shape[k])) return value
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `${this.path}: '${NAMES[name][0]}' has shape [${value.shape.join(', ')}], expected [${shape.map((n) => (n < 0 ? 'any' : n)).join(', ')}]`,
      { details: { path: this.path, name: NAMES[name][0] } },
    )
  }
}

/** A mask as bool [n]: NumPy's bool, or numbers 0 and 1. */
function maskOf(path: string, value: Tensor): Tensor {
  if (value.dtype === 'bool') return value
  try {
    return value.to('bool')
  } catch (cause) {
    throw formatError(path, undefined, "'train_mask' must hold true and false, or 1 and 0", cause)
  }
}

/**
 * Reads what a network of another library (PyTorch Geometric, DGL) says of the nodes of a graph: a .npz or .safetensors file with
 * `logits` [n, C], `embeddings` [n, h] (computed with edges), `logits_without_edges`, `embeddings_without_edges` (computed with
 * every propagation skipped), `edge_index` int64 [2, E], and where they are known `y` int64 [n] and `train_mask` [n].
 * `scripts/reference/graph_export.py` writes one.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (an array that is missing), _SHAPE, _INVALID_OPTION (another kind of file)
 */
export async function readOutputs(path: string): Promise<OutputsFile> {
  const arrays = new Arrays(path, await arraysOf(path))
  const logits = arrays.rows('logits', arrays.required('logits'), [-1, -1])
  const [nodes, classes] = logits.shape as readonly number[]
  const embeddings = arrays.rows('embeddings', arrays.required('embeddings'), [nodes!, -1])
  const width = embeddings.shape[1]!
  const edges = arrays.rows('edges', arrays.required('edges'), [2, -1])
  const logitsWithout = arrays.optional('logitsWithout')
  const embeddingsWithout = arrays.optional('embeddingsWithout')
  if ((logitsWithout === undefined) !== (embeddingsWithout === undefined))
    arrays.required(logitsWithout === undefined ? 'logitsWithout' : 'embeddingsWithout')
  const labels = arrays.optional('labels')
  const train = arrays.optional('train')
  return {
    outputs: {
      withEdges: { logits, embeddings },
      ...(logitsWithout !== undefined &&
        embeddingsWithout !== undefined && {
          withoutEdges: {
            logits: arrays.rows('logitsWithout', logitsWithout, [nodes!, classes!]),
            embeddings: arrays.rows('embeddingsWithout', embeddingsWithout, [nodes!, width]),
          },
        }),
    },
    graph: {
      nodes: nodes!,
      edges,
      ...(labels !== undefined && { labels: arrays.rows('labels', labels, [nodes!]) }),
    },
    ...(train !== undefined && { train: maskOf(path, arrays.rows('train', train, [nodes!])) }),
  }
}
