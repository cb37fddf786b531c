/** The examples in the help of every command do what they say: they run as pasted, with less work where they take long. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { main, temporaryFolder } from '../helpers/cli.js'
import { npyBytes, npzBytes, numbersNpy } from '../helpers/npz.js'

const folder = temporaryFolder('examples')
const shell = (line: string) =>
  spawnSync(
    'bash',
    ['-c', `langevin() { '${process.execPath}' '${main}' "$@"; }; ${line.replaceAll('npx langevin', 'langevin')}`],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  )

/** Added to an example so that it takes seconds. The last option of a name counts. */
const SHORTER: Readonly<Record<string, string>> = {
  spandrel: '--steps 2 --seeds 1 --models mlp',
  compare: '--steps 2 --seeds 1 --objectives nce',
  'anomaly compare': '--steps 2 --seeds 1',
  train: '--set steps=20',
  sample: '--chains 10',
  'table fit': '--steps 5',
  'table sample': '--rows 20 --rounds 10',
  'table complete': '--rounds 10',
  graph: '--splits 1 --seeds 1 --epochs 5 --samples 2',
}
/** Commands whose examples change the installation, or that serve until they are stopped (tests/serve, tests/watch). */
const NOT_RUN = new Set(['setup', 'build', 'doctor', 'serve', 'ui'])

/** The commands a help lists, those of commands with commands of their own too: 'train', 'anomaly', 'anomaly fit'. */
function listed(of: string): string[] {
  const list = shell(`langevin ${of} --help`).stdout.split('Commands:')[1] ?? ''
  return list
    .split('\n\n')[0]!
    .split('\n')
    .flatMap((line) => /^ {2}([a-z]+) /.exec(line)?.[1] ?? [])
    .filter((name) => name !== 'help')
    .map((name) => `${of} ${name}`.trim())
}
const commands = listed('').flatMap((name) => [name, ...listed(name)])

const examplesOf = (command: string) =>
  (shell(`langevin ${command} --help`).stdout.split('Examples:')[1] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes('npx langevin'))

/** The same work in seconds, written where the options of the example end. */
function shortened(line: string): string {
  return line.replace(
    /npx langevin ((?:anomaly|table) \w+|graph score|\w+)([^>|]*)/,
    (whole, name: string, rest: string) =>
      SHORTER[name] === undefined || / --resume/.test(rest)
        ? whole
        : `npx langevin ${name}${rest.trimEnd()} ${SHORTER[name]} `,
  )
}

const Y = Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? 1 : 0))

beforeAll(() => {
  const rows = Y.map((_, i) => [Math.sin(i) * 5 + 20, Math.cos(3 * i)])
  const table = (name: string, more?: (i: number) => string | number) => {
    const lines = rows.map((row, i) => [...(more ? [more(i)] : []), ...row].join(','))
    return `${more ? `${name},` : ''}a,b\n${lines.join('\n')}\n`
  }
  for (const name of ['rows.csv', 'new.csv']) writeFileSync(join(folder, name), table(''))
  writeFileSync(
    join(folder, 'machines.csv'),
    table('state', (i) => (Y[i] === 1 ? 'broken' : 'ok')),
  )
  writeFileSync(
    join(folder, 'data.csv'),
    table('target', (i) => Y[i]!),
  )
  const archive = npzBytes([
    ['X', numbersNpy(rows.flat(), [60, 2])],
    ['y', numbersNpy(Y)],
  ])
  for (const name of ['a.npz', 'b.npz']) writeFileSync(join(folder, name), archive)
  for (const name of ['cora_ml.npz', 'citeseer.npz']) writeFileSync(join(folder, name), graphArchive())
  for (const name of ['outputs.npz', 'trained.npz', 'shifted.npz', 'new.npz'])
    writeFileSync(join(folder, name), outputsArchive(name.length))
  writePeople()
})

/** A table of numbers, categories, ranks and months, and one with gaps. */
function writePeople(): void {
  const line = (i: number, age: number | string) =>
    [age, (i % 12) + 1, i % 4, ['cook', 'smith', 'clerk'][i % 3], i % 5 === 0 ? '>50K' : '<=50K'].join(',')
  const people = (count: number, gap: number) => {
    const lines = Array.from({ length: count }, (_, i) => line(i, i === gap ? '' : 20 + ((7 * i) % 40)))
    return `age,month,grade,job,income\n${lines.join('\n')}\n`
  }
  writeFileSync(join(folder, 'people.csv'), people(120, -1))
  const customers = Array.from(
    { length: 120 },
    (_, i) => `${i},n${i},${20 + ((7 * i) % 40)},${'abc'[i % 3]},${Number(i % 9 === 0)}`,
  )
  writeFileSync(join(folder, 'customers.csv'), `id,name,age,town,left\n${customers.join('\n')}\n`)
  writeFileSync(join(folder, 'more.csv'), people(60, -1))
  writeFileSync(join(folder, 'gaps.csv'), people(60, 3))
  const month = { kind: 'cyclic', levels: Array.from({ length: 12 }, (_, k) => k + 1) }
  writeFileSync(join(folder, 'columns.json'), JSON.stringify({ columns: { month } }))
}

const wholeNpy = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  npyBytes('<i8', shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))

/** Seven classes of 64 nodes, each node beside the next of its class; a feature of its own for each class, and a common one. */
function graphArchive(): Buffer {
  const nodes = Array.from({ length: 448 }, (_, i) => i)
  const next = nodes.map((i) => (i % 64 === 63 ? i - 63 : i + 1))
  const features = nodes.flatMap((i) =>
    Array.from({ length: 8 }, (_, c) => Number(c === i >> 6 || (c === 7 && i % 3 > 0))),
  )
  return npzBytes([
    ['adj_data', numbersNpy(nodes.map(() => 1))],
    ['adj_indices', wholeNpy(next)],
    ['adj_indptr', wholeNpy([...nodes, nodes.length])],
    ['adj_shape', wholeNpy([448, 448])],
    ['attr_matrix', numbersNpy(features, [448, 8])],
    ['labels', wholeNpy(nodes.map((i) => i >> 6))],
  ])
}

/** Outputs for 40 nodes of two classes on a ring. */
function outputsArchive(seed: number): Buffer {
  const nodes = Array.from({ length: 40 }, (_, i) => i)
  const rows = (k: number, scale: number) =>
    nodes.flatMap((i) => Array.from({ length: k }, (_, c) => scale * Math.sin(seed + 3 * i + c)))
  return npzBytes([
    ['logits', numbersNpy(rows(2, 3), [40, 2])],
    ['embeddings', numbersNpy(rows(4, 1), [40, 4])],
    ['logits_without_edges', numbersNpy(rows(2, 2), [40, 2])],
    ['embeddings_without_edges', numbersNpy(rows(4, 1.5), [40, 4])],
    ['edge_index', wholeNpy([...nodes, ...nodes.map((i) => (i + 1) % 40)], [2, 40])],
    ['y', wholeNpy(nodes.map((i) => i % 2))],
    ['train_mask', numbersNpy(nodes.map((i) => Number(i < 20)))],
  ])
}

// Later examples use what earlier ones write, so they run in the order a user would: a model before its scores.
const ORDER = ['init', 'train', 'sample', 'score', 'report']
const ordered = [...ORDER, ...commands.filter((name) => !ORDER.includes(name))]

describe('examples in the help', () => {
  it('every command has some', () => {
    expect(commands).toEqual(expect.arrayContaining([...ORDER, 'schema', 'doctor']))
    for (const name of commands) expect(examplesOf(name).length, name).toBeGreaterThan(0)
  })

  const lines = ordered.filter((name) => !NOT_RUN.has(name)).flatMap(examplesOf)
  it.each(lines)(
    '%s',
    (line) => {
      const { status, stderr } = shell(shortened(line))
      expect(status, stderr).toBe(0)
    },
    60_000,
  )
})
