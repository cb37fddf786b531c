/** Fields shared by networks of the nodes of a graph. */
import type { Z } from '../spec/index.js'

/** What every network of nodes takes. Columns in and classes out come from the graph. */
export interface NodeNetworkOptions {
  /** Widths of the hidden layers, at least one; the outputs of the last are the embeddings. Default [64]. */
  hidden?: number[] | undefined
  /** Probability that training drops a number that a hidden layer gives. Default 0.5. */
  dropout?: number | undefined
}

/** `hidden` (default [64]) and `dropout` (default 0.5). */
export const nodeFields = (z: Z) => ({
  hidden: z.array(z.int().positive()).min(1).default([64]),
  dropout: z.number().min(0).lt(1).default(0.5),
})
