/** `langevin report`: one HTML page about a training or sampling run. */
import type { Command } from 'commander'
import { grid } from '../../data/grid.js'
import { Energy } from '../../energy.js'
import { LangevinError } from '../../errors.js'
import { writeAtomic } from '../../io/files.js'
import { densityPicture } from '../../report/density.js'
import { type Html, page } from '../../report/html.js'
import { sampleReport } from '../../report/sample-report.js'
import { trainReport } from '../../report/train-report.js'
import { invoke } from '../../runtime/index.js'
import { type Tensor, tensor } from '../../tensor/index.js'
import { openData } from '../data.js'
import { modelPath, type ResultFile, readResultFile, type SampleFile, type TrainFile } from '../result-file.js'
import { action, makeFolderOf, note, print, printJson } from '../support.js'

interface ReportCommandOptions {
  out?: string
  json?: boolean
}

const EXAMPLES = `
train writes rows.result.json next to rows.safetensors, sample --out draws.npy writes draws.result.json: give either, or
the run.json of the training run. The page needs no network and no JavaScript. --json prints the findings of diagnose().

Examples:
  npx langevin report run.json
  npx langevin report draws.result.json --out draws.html
  npx langevin report rows.result.json --json`

const SHOWN_ROWS = 1000
const CELLS = 220

/** Corners of the box of rows, 15 % wider to each side. */
function boxOf(rows: readonly (readonly number[])[]): { low: [number, number]; high: [number, number] } {
  const side = (k: number) => {
    const values = rows.map((row) => row[k]!)
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
    const margin = 0.15 * (high - low) || 1
    return [low - margin, high + margin] as const
  }
  const [x, y] = [side(0), side(1)]
  return { low: [x[0], y[0]], high: [x[1], y[1]] }
}

/** exp(-E) over the box of the rows, normalised on it, with the rows as points; undefined unless x is a plane. */
async function densityOf(model: Energy, rows: readonly number[][], title: string): Promise<Html | undefined> {
  if (rows.length === 0 || rows[0]!.length !== 2) return undefined
  const { low, high } = boxOf(rows)
  // Cells run with the last axis fastest; a picture's rows are y, so the axes are given the other way round and swapped.
  const { points } = grid({ low: [low[1], low[0]], high: [high[1], high[0]], cells: CELLS })
  const swapped = (points.toArray() as number[][]).map(([y, x]) => [x!, y!])
  using energy = await model.energy(swapped)
  const values = energy.toArray() as number[]
  const least = values.reduce((a, b) => Math.min(a, b))
  const density = values.map((e) => Math.exp(least - e))
  return densityPicture({ title, values: density, cells: CELLS, low, high, points: rows })
}

/** Only an energy of x alone has one picture. */
async function unconditional(result: ResultFile, path: string): Promise<Energy | undefined> {
  const file = modelPath(result, path)
  if (file === undefined) {
    note(`${result.model} was not found: the report leaves out what needs the model`)
    return undefined
  }
  const model = await Energy.load(file)
  const spec = model.spec as { kind: string; classes?: number; condition?: number }
  if (spec.kind !== 'conditional') return model
  model.dispose()
  return undefined
}

/** The first rows the run was trained on, in the order and the units the model takes; undefined where they are gone. */
async function rowsOf({ run }: TrainFile, model: Energy): Promise<number[][] | undefined> {
  const data = run.data as Parameters<typeof openData>[0]
  if ('path' in data && ['-', '/dev/stdin'].includes(data.path)) return undefined
  try {
    const all = await openData(data, run.ignore ?? [])
    const some = all.length > SHOWN_ROWS ? all.batch(0, SHOWN_ROWS) : all
    const others = new Set([run.y ?? some.label ?? []].flat())
    const names = model.inputs?.columns ?? run.columns ?? some.columns.filter((name) => !others.has(name))
    using rows = some.toTensor(names)
    return rows.shape[1] === model.inputWidth ? (rows.toArray() as number[][]) : undefined
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    note(`the data of the run cannot be read: ${error.message}`)
    return undefined
  }
}

async function trainPictures(result: TrainFile, path: string) {
  using model = await unconditional(result, path)
  if (model === undefined) return {}
  const rows = await rowsOf(result, model)
  if (rows === undefined) return {}
  using energy = await model.energy(rows)
  const energies = [{ label: 'data', values: energy.toArray() as number[] }]
  const title = 'exp(-E), and rows of the data'
  const density = await densityOf(model, rows, title)
  return { energies, ...(density && { density }) }
}

async function samplePictures(result: SampleFile, path: string) {
  using model = await unconditional(result, path)
  const shown = result.samples.slice(0, SHOWN_ROWS)
  const density = model && (await densityOf(model, shown, 'exp(-E), and the last states'))
  const { trace } = result
  if (!trace || trace.energy[0]!.length < 20) return { ...(density && { density }) }
  const wanted = [
    { label: 'Ranks of the energy', draws: trace.energy },
    ...trace.x.slice(0, 2).map((draws, i) => ({ label: `Ranks of x[${i}]`, draws })),
  ]
  const ranks = await Promise.all(
    wanted.map(async ({ label, draws }) => {
      using rows = tensor(draws.slice(0, 16), undefined, 'float64')
      using counts = await invoke<Tensor>('sampler.ranks', { draws: rows, bins: 20 })
      return { label, counts: counts.toArray() as number[][] }
    }),
  )
  return { ranks, ...(density && { density }) }
}

async function run(given: string, options: ReportCommandOptions): Promise<void> {
  const { path, result } = await readResultFile(given)
  const { body, diagnosis } =
    result.kind === 'train'
      ? trainReport(result as Parameters<typeof trainReport>[0], await trainPictures(result, path))
      : sampleReport(result, await samplePictures(result, path))
  const out = options.out ?? path.replace(/(\.result)?\.json$/, '.report.html')
  const name = result.model.split('/').at(-1)!
  const text = page({
    title: result.kind === 'train' ? `Training of ${name}` : `Samples of ${name}`,
    lead: `The run ended ${result.ended.slice(0, 16).replace('T', ' ')} UTC.`,
    body,
    command: `npx langevin report ${given}`,
    made: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  })
  await makeFolderOf(out)
  await writeAtomic(out, [text])
  if (options.json) printJson({ out, findings: diagnosis.findings })
  else print(out)
  note(diagnosis.text)
}

/** `langevin report run.json`: one HTML page of a training or sampling run. */
export default function register(program: Command): void {
  const command = program
    .command('report')
    .description('turn a run into one self-contained HTML page: findings, curves, traces, densities')
    .argument('<result.json or run.json>', 'what train or sample wrote next to its output, or the run.json of train')
    .option('--out <file>', 'where the page goes (default: next to the result)')
    .option('--json', 'print { out, findings } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
