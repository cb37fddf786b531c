/** `langevin graph score`: which nodes not to trust, from the outputs of a network of any library. */
import { type Command, InvalidArgumentError } from 'commander'
import { LangevinError } from '../../errors.js'
import { type OutputsFile, readOutputs } from '../../graphs/outputs-file.js'
import '../../graphs/scores/factories.js'
import { type FittedNodeScore, fitNodeScore, loadNodeScore } from '../../graphs/scores/node-score.js'
import { parseSpec } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'
import { action, interruption, makeFolderOf, note, oneOf, print, printJson, wholeNumber } from '../support.js'

const KINDS = ['gebm', 'logitEnergy', 'gnnSafe', 'entropy', 'maxSoftmax', 'mahalanobis'] as const

interface GraphScoreOptions {
  score: (typeof KINDS)[number]
  options?: Record<string, unknown>
  fitted?: string
  save?: string
  threads?: number
  json?: boolean
}

const EXAMPLES = `
A file of outputs is .npz or .safetensors with logits and embeddings (computed with edges), logits_without_edges and
embeddings_without_edges (every propagation skipped), edge_index, and for the fit y and train_mask;
scripts/reference/graph_export.py writes one from PyTorch or PyTorch Geometric. The score is fitted to the first file; it scores the
second, or the first where there is only one. The higher, the less the network's answer for a node is to be trusted.

Examples:
  npx langevin graph score outputs.npz > energies.csv
  npx langevin graph score trained.npz shifted.npz --options '{"gamma":2}' --save gebm.safetensors
  npx langevin graph score new.npz --fitted gebm.safetensors --json`

function jsonObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError(`expected a JSON object of options, such as '{"gamma":2}'.`)
}

/** Columns of numbers by name as CSV, the number of the node first. */
function asText(columns: readonly (readonly [string, readonly number[]])[]): string {
  const rows = columns[0]![1].map((_, v) => [v, ...columns.map(([, values]) => values[v])].join(','))
  return [['node', ...columns.map(([name]) => name)].join(','), ...rows].join('\n')
}

type Job = { threads?: number; signal: AbortSignal }

async function fittedOf(file: OutputsFile, options: GraphScoreOptions, job: Job): Promise<FittedNodeScore> {
  if (options.fitted === undefined) {
    const spec = parseSpec('nodeScore', { kind: options.score, ...options.options })
    return fitNodeScore(spec, { ...file, ...job })
  }
  if (options.options !== undefined || options.save !== undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      '--fitted: a fitted score has its options and its file already; leave out --options and --save',
    )
  }
  return loadNodeScore(options.fitted)
}

async function run(fitPath: string, scorePath: string | undefined, options: GraphScoreOptions): Promise<void> {
  const { signal, release } = interruption(false)
  try {
    const first = await readOutputs(fitPath)
    const scored = scorePath === undefined ? first : await readOutputs(scorePath)
    const job = { signal, ...(options.threads !== undefined && { threads: options.threads }) }
    using fitted = await fittedOf(first, options, job)
    if (options.save !== undefined) {
      await makeFolderOf(options.save)
      await fitted.save(options.save)
      note(`wrote ${options.save}`)
    }
    const { outputs, graph } = scored
    const found = (await fitted.score({ outputs, graph, ...job })) as unknown as Record<string, Tensor>
    const names = 'energy' in found ? ['energy', 'independent', 'local', 'group'] : ['uncertainty']
    const columns = names.map((name) => [name, found[name]!.toArray() as number[]] as const)
    if (options.json) printJson({ score: fitted.spec, ...Object.fromEntries(columns) })
    else print(asText(columns))
  } finally {
    release()
  }
}

/** `langevin graph score outputs.npz` */
export default function register(parent: Command): void {
  const command = parent
    .command('score')
    .description('score the nodes of a graph by the outputs of a network of any library')
    .argument('<outputs>', 'outputs on the graph that was trained on: .npz or .safetensors')
    .argument('[other]', 'outputs on the graph to be scored (default: the same)')
    .option('--score <kind>', `one of ${KINDS.join(', ')}`, oneOf(...KINDS), 'gebm')
    .option('--options <json>', 'options of the score, as in docs/reference/graph', jsonObject)
    .option('--fitted <file>', 'a fitted score that --save wrote, in place of fitting one')
    .option('--save <file>', 'write the fitted score there, as safetensors')
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { score, energy, ... } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
