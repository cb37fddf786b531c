/** infer(): the answer y of lowest energy for every row. */
import type { Dataset } from './data/dataset.js'
import type { Energy } from './energy.js'
import { chain } from './inference/chain.js'
import './inference/index.js'
import { type InvokeOptions, invoke } from './runtime/index.js'
import { freeze, parseSpec, requireOptions, type SpecValue } from './spec/index.js'
import type { RowsLike, Tensor } from './tensor/index.js'

export type { ChainFactors, ChainPath, ChainResults } from './inference/chain.js'

export interface InferOptions extends InvokeOptions {
  /** A spec of `inferences.*`, or the kind alone where it needs no options: 'exhaustive' for classes. */
  method: SpecValue<'inference'> | string
  /** Fixes the random starts (default 0): bit-equal on the CPU at any number of threads. */
  seed?: number | bigint
  /** Threads over tiles of rows (default: every core, or LANGEVIN_THREADS). */
  threads?: number
}

export interface Inference {
  /** The answers: [n, k], or class numbers int64 [n]. */
  y: Tensor
  /** E(x, y) of the answers (the free energy over latent columns where they were summed over), [n]. */
  energy: Tensor
  /** The latent columns of the answers, [n, l], where exhaustive minimised over them. */
  latent?: Tensor
  /** Energies of all answers, [n, m], where exhaustive was asked for its table. */
  table?: Tensor
  /** Energies that were computed for it. */
  evaluations: number
  /** Wall time of the native job. */
  seconds: number
}

/**
 * Inference: the answer y* = argmin over y of E(x, y) for every row of x.
 *
 * @param model an energy with a condition y: conditional, twoTower, classifier, ...
 * @param x rows `[n, d]` or `[n, ...inputShape]`, or a Dataset
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _SHAPE, _UNSUPPORTED (an energy without y; a method that cannot search this y),
 *   _NON_FINITE (an energy, naming the row), _BUSY, _DISPOSED
 */
export async function infer(model: Energy, x: RowsLike | Dataset, options: InferOptions): Promise<Inference> {
  const { method, seed, threads, signal } = requireOptions('infer', options, ['method', 'seed', 'threads', 'signal'])
  const spec = freeze(parseSpec('inference', typeof method === 'string' ? { kind: method } : method))
  const rows = model.toRows(x)
  try {
    const args = { energy: model.native(), x: rows, method: spec, seed, threads }
    const { conversion } = model
    const { energy, table, ...rest } = await invoke<Inference>('infer', args, { signal })
    return {
      ...rest,
      energy: conversion?.energies(energy) ?? energy,
      ...(table && { table: conversion?.energies(table) ?? table }),
    }
  } finally {
    if (rows !== x) rows.dispose()
  }
}

/** Exact inference on chains of factor tables. */
infer.chain = chain
