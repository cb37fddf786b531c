/** `langevin graph`: which scores find the nodes of a shifted graph that a node classifier should not be trusted on. */
import { basename, extname, join } from 'node:path'
import type { Command } from 'commander'
import { npz as readGraph } from '../../data/graph.js'
import { writeAtomic } from '../../io/files.js'
import { prepareFolder } from '../../report/folder.js'
import {
  EPOCHS,
  type GraphStudyResult,
  graphPage,
  graphStudy,
  type NamedGraph,
  NETWORKS,
  type NetworkName,
  SAMPLES,
  SHIFTS,
  type ShiftName,
  textTable,
} from '../../studies/graph/index.js'
import {
  action,
  choices,
  interruption,
  listOption,
  note,
  oneOf,
  ProgressBar,
  print,
  printJson,
  seedsOption,
  wholeNumber,
} from '../support.js'
import registerScore from './graph-score.js'

interface GraphCommandOptions {
  shift: ShiftName[]
  splits: number
  seeds: number[]
  network: NetworkName
  epochs: number
  samples: number
  leaveOut?: number
  threads?: number
  out?: string
  json?: boolean
}

const OVERVIEW = `
score is for use: it takes what a network of any library says of the nodes of a graph, and says which answers not to trust. compare
is a study: it trains node classifiers on graphs and measures which scores find nodes that are out-of-distribution. Without
one of these words compare is meant. Each has a help of its own: graph score --help.

Examples:
  npx langevin graph score outputs.npz > energies.csv
  npx langevin graph cora_ml.npz --shift leave-out-classes --seeds 5 --json --out report`

const EXAMPLES = `
Shifts: ${SHIFTS.join(', ')}

A file is a graph in the .npz layout of the public benchmarks: adj_data, adj_indices, adj_indptr, adj_shape, attr_* (features)
and labels. Edges are taken in both directions, features as 0 and 1 with rows of norm 1. With --out every finished run is kept in
graph-runs.jsonl there, and the same command goes on where it stopped.

Examples:
  npx langevin graph cora_ml.npz --shift leave-out-classes,normal --seeds 2 --splits 2
  npx langevin graph cora_ml.npz citeseer.npz --shift all --out report
  npx langevin graph cora_ml.npz --network appnp --shift homophily --json > rows.json`

/** A graph's name is that of its file; files of one name are named by their paths. */
async function readGraphs(files: readonly string[]): Promise<NamedGraph[]> {
  const paths = [...new Set(files)]
  const names = paths.map((path) => basename(path, extname(path)))
  const graphs: NamedGraph[] = []
  for (const [k, path] of paths.entries()) {
    const name = names.filter((each) => each === names[k]).length > 1 ? path : names[k]!
    const graph = await readGraph(path)
    note(
      `${name}: ${graph.nodes} nodes, ${graph.edgeCount / 2} edges, ${graph.featureCount} features, ${graph.classes ?? 0} classes`,
    )
    graphs.push({ name, graph })
  }
  return graphs
}

/** How the command was called; of files their names, since folders are the reader's own. */
const commandOf = (words: readonly string[]): string =>
  ['npx langevin', ...words.map((word) => (word.endsWith('.npz') ? basename(word) : word))].join(' ')

async function write(folder: string, result: GraphStudyResult, graphs: readonly NamedGraph[]): Promise<void> {
  const command = commandOf(process.argv.slice(2))
  const { rows, runs, settings, splits, graphs: described, complete } = result
  // All runs, also those of earlier calls.
  const runSeconds = runs.reduce((sum, each) => sum + each.seconds, 0)
  const json = { rows, settings: { ...settings, splits }, graphs: described, complete, command, runSeconds }
  const files: [string, string][] = [
    ['graph.html', graphPage(result, graphs, command)],
    ['graph.json', `${JSON.stringify(json, null, 1)}\n`],
  ]
  for (const [name, text] of files) {
    await writeAtomic(join(folder, name), [text])
    note(`wrote ${join(folder, name)}`)
  }
}

async function run(files: string[], options: GraphCommandOptions): Promise<void> {
  const { out, shift: shifts, splits, seeds, network, epochs, samples, leaveOut, threads } = options
  if (out !== undefined) await prepareFolder(out)
  const graphs = await readGraphs(files)
  const bar = new ProgressBar()
  const told = out === undefined ? 'stopping' : `stopping; finished runs are kept in ${out}`
  const { signal, interrupted, release } = interruption(told)
  let result: GraphStudyResult
  try {
    result = await graphStudy({
      graphs,
      shifts,
      splits,
      seeds,
      network,
      epochs,
      samples,
      leftOut: leaveOut,
      folder: out,
      threads,
      signal,
      onProgress: (done, text) => bar.update(done, text),
    })
  } finally {
    bar.end()
    release()
  }
  if (result.reused > 0) note(`${result.reused} runs were there already`)
  if (out !== undefined) await write(out, result, graphs)
  if (options.json) printJson({ rows: result.rows })
  else if (result.rows.length > 0) print(textTable(result.rows))
  if (!options.json && out === undefined)
    note('For all tables, reliability and pictures as one HTML page: --out <folder>')
  if (interrupted()) {
    note(`interrupted: ${result.runs.length} finished runs were kept`)
    process.exitCode = 130
  }
}

/** `all`, or some of the shifts. */
const shiftList = (text: string): ShiftName[] => (text === 'all' ? [...SHIFTS] : choices(SHIFTS)(text))

/** `langevin graph compare`: GEBM and other scores of nodes under distribution shifts. */
function registerCompare(parent: Command): void {
  const command = parent
    .command('compare', { isDefault: true })
    .description(
      'which scores (GEBM, logit energy, GNNSafe, ...) find the nodes a node classifier should not be trusted on',
    )
    .argument('<files...>', 'graphs as .npz archives')
    .addOption(listOption('--shift <names>', 'shifts, comma-separated, or all', shiftList, [...SHIFTS], 'all'))
    .option('--splits <n>', 'splits of the training nodes; 5 are the published protocol', wholeNumber(1), 1)
    .addOption(seedsOption([0, 1, 2, 3, 4]))
    .option('--network <name>', `one of ${NETWORKS.join(', ')}`, oneOf(...NETWORKS), 'gcn')
    .option(
      '--epochs <n>',
      'epochs at most; training stops when the validation loss no longer falls',
      wholeNumber(1),
      EPOCHS,
    )
    .option('--samples <n>', 'passes of MC dropout and DropEdge; 0 leaves both out', wholeNumber(0), SAMPLES)
    .option('--leave-out <n>', 'classes that are left out, the last ones (default: two fifths)', wholeNumber(1))
    .option('--threads <n>', 'threads a run may use (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--out <folder>', 'keep finished runs and write graph.html and graph.json there')
    .option('--json', 'print { rows } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}

/** `langevin graph`: score the nodes of a graph, and compare scores on graphs, which is meant where neither is named. */
export default function register(program: Command): void {
  const parent = program
    .command('graph')
    .description('which answers of a node classifier not to trust: score nodes, compare scores under shifts of a graph')
    .addHelpText('after', OVERVIEW)
  registerScore(parent)
  registerCompare(parent)
}
