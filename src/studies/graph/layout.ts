/** Places of nodes in a picture of a graph. */
import { forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from 'd3-force'

const TICKS = 300

export interface Layout {
  /** Numbers of the nodes that are drawn. */
  readonly nodes: readonly number[]
  /** Pairs of places in `nodes`, each edge once. */
  readonly edges: readonly (readonly [number, number])[]
  /** Between 0 and 1, of each drawn node. */
  readonly x: readonly number[]
  readonly y: readonly number[]
}

function neighboursOf(count: number, sources: readonly number[], targets: readonly number[]): number[][] {
  const lists: number[][] = Array.from({ length: count }, () => [])
  sources.forEach((u, e) => {
    if (u !== targets[e]) lists[u]!.push(targets[e]!)
  })
  return lists
}

/** All nodes, or as many as are wanted around the node that has most neighbours, nearest first. */
export function chosenNodes(lists: readonly (readonly number[])[], most: number): number[] {
  if (lists.length <= most) return lists.map((_, v) => v)
  const start = lists.reduce((best, list, v) => (list.length > lists[best]!.length ? v : best), 0)
  const seen = new Set([start])
  for (const v of seen) {
    for (const u of lists[v]!) if (seen.size < most) seen.add(u)
    if (seen.size >= most) break
  }
  return [...seen].sort((a, b) => a - b)
}

/** Nodes that are joined attract, all repel each other. The same graph gives the same picture. */
export function layoutOf(count: number, sources: readonly number[], targets: readonly number[], most: number): Layout {
  const nodes = chosenNodes(neighboursOf(count, sources, targets), most)
  const place = new Map(nodes.map((v, i) => [v, i]))
  const edges = sources.flatMap((u, e) => {
    const [a, b] = [place.get(u), place.get(targets[e]!)]
    return a !== undefined && b !== undefined && a < b ? [[a, b] as const] : []
  })
  const bodies: SimulationNodeDatum[] = nodes.map(() => ({}))
  // Far components would leave the rest too small to see: a pull to the middle holds them.
  forceSimulation(bodies)
    .force(
      'link',
      forceLink(edges.map(([source, target]) => ({ source, target })))
        .distance(8)
        .strength(0.6),
    )
    .force('charge', forceManyBody().strength(-7).theta(1.2).distanceMax(300))
    .force('x', forceX(0).strength(0.06))
    .force('y', forceY(0).strength(0.06))
    .stop()
    .tick(TICKS)
  const scaled = (values: number[]): number[] => {
    const sorted = [...values].sort((a, b) => a - b)
    const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 1]
    return values.map((v) => (high > low ? (v - low) / (high - low) : 0.5))
  }
  return { nodes, edges, x: scaled(bodies.map((b) => b.x!)), y: scaled(bodies.map((b) => b.y!)) }
}
