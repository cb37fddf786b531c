/** `langevin graph`, run as a command. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { safetensors } from '../../src/io/index.js'
import { tensor } from '../../src/tensor/index.js'
import { enumerated, largestDifference, SIX } from '../graphs/support.js'
import { start, temporaryFolder } from '../helpers/cli.js'
import { graphFile, missingGraphs } from '../helpers/graphs.js'

const folder = temporaryFolder('cli-graph')
const graph = (...args: string[]) => start(folder, ['graph', ...args]).outcome
const QUICK = ['--splits', '1', '--seeds', '1', '--epochs', '5', '--samples', '0']

describe.skipIf(missingGraphs)(`langevin graph${missingGraphs ? ` (${missingGraphs})` : ''}`, () => {
  it('prints rows as JSON, keeps runs, writes the page, and goes on in the same folder', async () => {
    const run = () => graph(graphFile('cora'), ...QUICK, '--shift', 'homophily,normal', '--out', 'report', '--json')
    const first = await run()
    expect([first.status, first.stderr]).toEqual([0, expect.stringContaining('cora: 2708 nodes')])
    const { rows } = JSON.parse(first.stdout)
    expect(Object.keys(rows[0])).toEqual([
      'graph',
      'shift',
      'score',
      'split',
      'seed',
      'auroc',
      'aupr',
      'accuracy',
      'ece',
    ])
    expect(new Set(rows.map(({ shift }: { shift: string }) => shift))).toEqual(new Set(['homophily', 'normal']))
    expect(rows.map(({ score }: { score: string }) => score)).toContain('gebm-unregularised')
    const page = readFileSync(join(folder, 'report', 'graph.html'), 'utf8')
    expect(page).toContain('Energy on the graph')
    expect(JSON.parse(readFileSync(join(folder, 'report', 'graph.json'), 'utf8')).rows).toEqual(rows)
    const second = await run()
    expect(second.stderr).toContain('2 runs were there already')
    expect(JSON.parse(second.stdout).rows).toEqual(rows)
    const other = await graph(graphFile('cora'), ...QUICK, '--network', 'mlp', '--shift', 'normal', '--out', 'report')
    expect([other.status, other.stderr]).toEqual([1, expect.stringContaining('network "gcn" there, "mlp" here')])
  }, 120_000)

  it('prints a table', async () => {
    const { stdout, status } = await graph(graphFile('cora'), ...QUICK, '--shift', 'page-rank', '-q')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^cora +page-rank +gebm +\d+\.\d/m)
    expect(stdout).toContain('Average rank by AUROC over 1 shift')
  }, 60_000)
})

describe('langevin graph score', () => {
  const outputs = (name: string, part: typeof SIX.fit, alone: typeof SIX.fit) =>
    safetensors.write(join(folder, name), {
      logits: tensor(part.logits as number[][], undefined, 'float64'),
      embeddings: tensor(part.embeddings as number[][], undefined, 'float64'),
      logits_without_edges: tensor(alone.logits as number[][], undefined, 'float64'),
      embeddings_without_edges: tensor(alone.embeddings as number[][], undefined, 'float64'),
      edge_index: tensor(
        SIX.edges.map((ends) => [...ends]),
        undefined,
        'int64',
      ),
      y: tensor(SIX.labels as number[], undefined, 'int64'),
      train_mask: tensor(SIX.labels.map((_, v) => SIX.train.includes(v))),
    })

  it('gives the energies of the arithmetic written out, fitted now or before', async () => {
    await outputs('trained.safetensors', SIX.fit, SIX.score)
    const csv = await graph('score', 'trained.safetensors', '--save', 'made/gebm.safetensors')
    expect([csv.status, csv.stderr]).toEqual([0, expect.stringContaining('wrote made/gebm.safetensors')])
    const [head, ...lines] = csv.stdout.trim().split('\n')
    expect(head).toBe('node,energy,independent,local,group')
    const energy = lines.map((line) => Number(line.split(',')[1]))
    // Sums of a few dozen terms of size 1.
    expect(largestDifference(energy, enumerated(SIX).energy)).toBeLessThan(1e-10)
    const again = await graph('score', 'trained.safetensors', '--fitted', 'made/gebm.safetensors', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ score: { kind: 'gebm', steps: 10 }, energy })
    const other = await graph('score', 'trained.safetensors', '--score', 'gnnSafe')
    expect(other.stdout).toMatch(/^node,uncertainty\n0,/)
    const doubled = await graph('score', 'trained.safetensors', '--options', '{"gamma":2}', '--json')
    const expected = enumerated(SIX, { gamma: 2 }).energy
    expect(largestDifference(JSON.parse(doubled.stdout).energy, expected)).toBeLessThan(1e-10)
  }, 60_000)

  it('says what is wrong', async () => {
    await outputs('trained.safetensors', SIX.fit, SIX.score)
    const score = (...args: string[]) => graph('score', 'trained.safetensors', ...args)
    expect(await score('--options', 'gamma=2')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('JSON object'),
    })
    const odd = await score('--options', '{"gama":2}')
    expect([odd.status, odd.stderr]).toEqual([1, expect.stringContaining("did you mean 'gamma'")])
    expect(await score('--fitted', 'trained.safetensors')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ERR_LANGEVIN_FORMAT'),
    })
  }, 60_000)
})

describe('wrong use of langevin graph', () => {
  it('is told with what is known', async () => {
    const shift = await graph('x.npz', '--shift', 'homofily')
    expect([shift.status, shift.stderr]).toEqual([
      2,
      expect.stringContaining("'homofily' is not one of leave-out-classes"),
    ])
    const network = await graph('x.npz', '--network', 'gcm')
    expect([network.status, network.stderr]).toEqual([2, expect.stringContaining('gcn, appnp')])
    expect((await graph()).status).toBe(2)
  })
  it('a file that is none', async () => {
    expect(await graph('nowhere.npz')).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_LANGEVIN_IO') })
    writeFileSync(join(folder, 'odd.npz'), 'hello')
    expect(await graph('odd.npz')).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_LANGEVIN_FORMAT') })
    expect(existsSync(join(folder, 'graph.html'))).toBe(false)
  })
})
