/** Outputs of a network of PyTorch, from its file to energies. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOutputs } from '../../src/graphs/outputs-file.js'
import * as scores from '../../src/graphs/scores/factories.js'
import { safetensors } from '../../src/io/index.js'
import { tensor } from '../../src/tensor/index.js'
import { graphFile, missingGraphs } from '../helpers/graphs.js'
import { pythonPath, reference } from '../helpers/python.js'
import { array, SIX } from './support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'langevin-outputs-'))
afterAll(() => rmSync(folder, { recursive: true }))

const relative = (a: readonly number[], b: readonly number[]) => {
  const scale = Math.max(...b.map(Math.abs))
  return Math.max(...a.map((x, k) => Math.abs(x - b[k]!))) / scale
}

describe.skipIf(missingGraphs)(`a GCN of PyTorch on Cora-ML${missingGraphs ? ` (${missingGraphs})` : ''}`, () => {
  const path = join(folder, 'outputs.npz')
  beforeAll(() => {
    const script = join(root, 'scripts', 'reference', 'graph_export.py')
    const made = spawnSync(pythonPath(), [script, graphFile('cora_ml'), path, '--epochs', '60'], { encoding: 'utf8' })
    if (made.status !== 0) throw new Error(made.stderr)
  }, 120_000)

  it('gives the energies of the plain PyTorch GEBM, its evidential reading and GNNSafe', async () => {
    const { outputs, graph, train } = await readOutputs(path)
    const [theirs] = reference<Record<string, number[] | number[][]>[]>('gebm.py', [{ file: path }])
    using fitted = await scores.gebm().fit({ outputs, graph, train: train! })
    const ours = await fitted.score({ outputs, graph })
    const prediction = await fitted.predict({ outputs, graph })
    using safe = await scores.gnnSafe().fit({ outputs })
    const { uncertainty } = await safe.score({ outputs, graph })
    const pairs = {
      energy: ours.energy,
      independent: ours.independent,
      local: ours.local,
      group: ours.group,
      probabilities: prediction.probabilities,
      vacuity: prediction.vacuity,
      gnnSafe: uncertainty,
    }
    // Asked: 1e-5. Both compute in float64 on the same float32 outputs.
    for (const [name, value] of Object.entries(pairs))
      expect(relative(array(value), (theirs![name] as number[]).flat()), name).toBeLessThan(1e-9)
    // A control: outputs with edges in the place of those without.
    const swapped = await fitted.score({ outputs: { withoutEdges: outputs.withEdges }, graph })
    expect(relative(array(swapped.energy), theirs!.energy as number[])).toBeGreaterThan(1e-3)
  }, 120_000)
})

describe('readOutputs', () => {
  const arrays = {
    logits: tensor(SIX.fit.logits as number[][], undefined, 'float32'),
    embeddings: tensor(SIX.fit.embeddings as number[][], undefined, 'float32'),
    logits_without_edges: tensor(SIX.score.logits as number[][], undefined, 'float32'),
    embeddings_without_edges: tensor(SIX.score.embeddings as number[][], undefined, 'float32'),
    edge_index: tensor(
      SIX.edges.map((ends) => [...ends]),
      undefined,
      'int64',
    ),
    y: tensor(SIX.labels as number[], undefined, 'int64'),
    train_mask: tensor([true, true, false, true, true, false]),
  }
  const write = async (name: string, part: object) => {
    const path = join(folder, name)
    await safetensors.write(path, part as typeof arrays)
    return path
  }

  it('reads safetensors', async () => {
    const { outputs, graph, train } = await readOutputs(await write('all.safetensors', arrays))
    using fitted = await scores.gebm().fit({ outputs, graph, train: train! })
    expect((await fitted.score({ outputs, graph })).energy.shape).toEqual([6])
    expect(graph.nodes).toBe(6)
  })

  it('does with what a score needs, and says what is missing or does not fit', async () => {
    const { logits, embeddings, edge_index } = arrays
    const few = await readOutputs(await write('few.safetensors', { logits, embeddings, edge_index }))
    expect([few.outputs.withoutEdges, few.graph.labels, few.train]).toEqual([undefined, undefined, undefined])
    const code = async (name: string, part: object) =>
      readOutputs(await write(name, part)).then(
        () => 'none',
        (error) => `${error.code} ${error.message}`,
      )
    expect(await code('no-edges.safetensors', { logits, embeddings })).toMatch(/FORMAT.*'edge_index'.*graph_export/)
    const { embeddings_without_edges: _, ...half } = arrays
    expect(await code('half.safetensors', half)).toMatch(/FORMAT.*'embeddings_without_edges'/)
    const short = { ...arrays, y: tensor([0, 1], undefined, 'int64') }
    expect(await code('short.safetensors', short)).toMatch(/SHAPE.*'y' has shape \[2\], expected \[6\]/)
    await expect(readOutputs(join(folder, 'x.pt'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  })
})
