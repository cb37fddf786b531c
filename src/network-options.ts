/** Options of calls that make, load and evaluate networks and energies. */
import type { Inputs } from './data/inputs.js'
import type { Dtype } from './native/contract.js'
import type { InvokeOptions } from './runtime/index.js'
import type { SpecValue } from './spec/index.js'
import type { RowsLike } from './tensor/index.js'
import type { Family } from './weights.js'

/** Where a network's numbers live. */
export interface PlacementOptions extends InvokeOptions {
  /** 'cpu' (default), 'cuda', 'cuda:N', or 'auto': a CUDA device when there is one. */
  device?: string
}

export interface CreateOptions extends PlacementOptions {
  /** Fixes the initial parameters; default 0. */
  seed?: number | bigint
  /** 'float32' (default), 'float64' or 'bfloat16'. */
  dtype?: Dtype
  /**
   * What its columns are, from `data.inputs(dataset)`: rows are then given in the units of the data, data sets by the names of
   * their columns, and the file of the model carries them.
   */
  inputs?: Inputs | undefined
}

export interface EvaluateOptions extends InvokeOptions {
  /** The condition y of E(x, y), or the class a network embeds: class numbers `[n]` or rows `[n, k]`. */
  y?: RowsLike
  /** Threads the rows are spread over; default LANGEVIN_THREADS or all cores. Results do not depend on it. */
  threads?: number
}

export interface SnapshotOptions extends InvokeOptions {
  /**
   * Which weights of a network in training: 'averaged' (the default where its run has `ema`, as in its checkpoints), or
   * 'raw', those the optimiser is at.
   */
  weights?: 'raw' | 'averaged'
}

/** Options of `Network.load` and `Energy.load`. */
export interface LoadOptions extends PlacementOptions {
  /** For a file without langevin's metadata (a PyTorch state dict): what the parameters belong to. */
  spec?: SpecValue<Family>
  /** Default: that of the file; float32 for a file of another program in half precision. */
  dtype?: Dtype
  /**
   * What the names in the file begin with, where a module held the network: 'module.' (DataParallel), '_orig_mod.'
   * (torch.compile), 'net.'. Tensors with other names are skipped.
   */
  prefix?: string
  /** For a file that does not say what its columns are. */
  inputs?: Inputs
}
