/** The graphs that tests read: real ones where their files are here, and small random ones. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as data from '../../src/data/index.js'
import { Graph } from '../../src/graph/index.js'

/** Where the public graphs are, beside the repository. */
const folder = fileURLToPath(new URL('../../../shared/data/graphs/npz/', import.meta.url))
export const graphFile = (name: string) => `${folder}${name}.npz`
/** Why tests of the public graphs are skipped, or undefined. */
export const missingGraphs = existsSync(graphFile('cora_ml')) ? undefined : `there is no ${graphFile('cora_ml')}`

/** Cora-ML as the benchmarks use it. */
export const coraMl = async () => (await data.graph.npz(graphFile('cora_ml'))).withPreparedFeatures()

/** Numbers in [0, 1) from a seed: Mulberry32. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A graph of `classes` groups whose nodes look alike and have their neighbours mostly inside; node 0 has none. */
export function grouped({ nodes = 120, classes = 3, columns = 12, seed = 1, directed = false } = {}): Graph {
  const next = uniforms(seed)
  const labels = Array.from({ length: nodes }, (_, i) => i % classes)
  const features = labels.map((label) =>
    Array.from({ length: columns }, (_, c) => (next() < (c % classes === label ? 0.5 : 0.15) ? 1 + next() : 0)),
  )
  const sources: number[] = []
  const targets: number[] = []
  for (let e = 0; e < 4 * nodes; e++) {
    const source = 1 + Math.floor(next() * (nodes - 1))
    const near = source + classes * (1 + Math.floor(next() * 8))
    const target = next() < 0.8 ? near : 1 + Math.floor(next() * (nodes - 1))
    if (target >= nodes || target === source) continue
    sources.push(source)
    targets.push(target)
  }
  return Graph.fromArrays({ edges: [sources, targets], features, labels, symmetrise: !directed })
}
