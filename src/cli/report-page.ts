/** The HTML page of a training or sampling run, with the pictures that need its model and its data. */
import type { Diagnosis } from '../diagnose/index.js'
import { Energy } from '../energy.js'
import { densityPicture } from '../report/density.js'
import { type Html, page } from '../report/html.js'
import { sampleReport } from '../report/sample-report.js'
import { trainReport } from '../report/train-report.js'
import { invoke } from '../runtime/index.js'
import { type Tensor, tensor } from '../tensor/index.js'
import { firstRows, planeOf, SHOWN_ROWS } from './plane.js'
import { modelPath, type ResultFile, type SampleFile, type TrainFile } from './result-file.js'
import { note } from './support.js'

const CELLS = 220

/** exp(-E) over the box of the rows, with the rows as points; undefined unless x is a plane. */
async function densityOf(model: Energy, rows: readonly number[][], title: string): Promise<Html | undefined> {
  const density = await planeOf(model, rows, CELLS)
  return density && densityPicture({ title, ...density, points: rows })
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

async function trainPictures(result: TrainFile, path: string) {
  using model = await unconditional(result, path)
  if (model === undefined) return {}
  const rows = await firstRows(result.run, model)
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

/** The page about a result file; `command` is what makes it again. */
export async function reportPage(
  path: string,
  result: ResultFile,
  command: string,
): Promise<{ text: string; diagnosis: Diagnosis }> {
  const { body, diagnosis } =
    result.kind === 'train'
      ? trainReport(result as Parameters<typeof trainReport>[0], await trainPictures(result, path))
      : sampleReport(result, await samplePictures(result, path))
  const name = result.model.split('/').at(-1)!
  const text = page({
    title: result.kind === 'train' ? `Training of ${name}` : `Samples of ${name}`,
    lead: `The run ended ${result.ended.slice(0, 16).replace('T', ' ')} UTC.`,
    body,
    command,
    made: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  })
  return { text, diagnosis }
}
