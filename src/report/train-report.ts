/** The report of a training run. */
import { type Diagnosis, diagnose } from '../diagnose/index.js'
import { type HistoryPoint, MONITORS, PLOTS, type Plot, type TrainResult } from '../training/index.js'
import { bars, histogram, lineChart, type Series } from './chart.js'
import { type Html, html } from './html.js'
import { facts, findingsSection, gallery, number, specText } from './run-sections.js'
import { varies } from './scale.js'

/** Each chart with the monitors that share it. */
const CHARTS: readonly (readonly [Plot, readonly string[]])[] = Object.entries(PLOTS).map(([name, plot]) => [
  plot,
  Object.entries(MONITORS).flatMap(([monitor, text]) => (text.plot === name ? [monitor] : [])),
])

function series(history: readonly HistoryPoint[], monitor: string): Series {
  const points = history.flatMap((point) => {
    const value = point[monitor]
    return value === undefined ? [] : [[point.step, value] as const]
  })
  return { label: monitor, points }
}

/** A monitor that never changes is not drawn. */
const changes = (s: Series) => varies(s.points.map(([, y]) => y))

function curves(history: readonly HistoryPoint[]): Html {
  const charts = CHARTS.flatMap(([plot, monitors]) => {
    const lines = monitors.map((monitor) => series(history, monitor)).filter(changes)
    return lines.length === 0 ? [] : [lineChart(lines, { ...plot, xLabel: 'step' })]
  })
  return gallery(charts)
}

function bufferSection(statistics: TrainResult['statistics']): Html | undefined {
  const buffer = statistics.buffer as
    | {
        size: number
        draws: number
        restartShare: number
        saturation: number
        ageHistogram?: { edges: number[]; counts: number[] }
      }
    | undefined
  if (buffer === undefined) return undefined
  const ages = buffer.ageHistogram
  return html`<h2>Replay buffer</h2>${facts({
    chains: buffer.size,
    'draws per chain': number(buffer.draws / buffer.size, 3),
    'restarted share of draws': number(buffer.restartShare, 3),
    'advanced at least once': number(buffer.saturation, 3),
  })}${ages && gallery([bars(ages.edges, ages.counts, { title: 'Age of the chains', xLabel: 'sampler steps since the start' })])}`
}

/** Energies of rows for the histogram, and a density where x has two columns. */
export interface TrainPictures {
  energies?: readonly { label: string; values: readonly number[] }[]
  density?: Html
}

export interface TrainReportInput extends Omit<TrainResult, 'rawParameters'> {
  run: { energy: object; objective: object; optimizer?: object; data: object; batchSize?: number; seed?: number }
}

export function trainReport(result: TrainReportInput, pictures: TrainPictures): { body: Html[]; diagnosis: Diagnosis } {
  const diagnosis = diagnose(result)
  const { run, steps, seconds, history, extras, statistics } = result
  const { energies = [], density } = pictures
  const shown =
    energies.length > 0 ? histogram(energies, { title: 'Energies (low = probable)', xLabel: 'E' }) : undefined
  const body = [
    findingsSection(diagnosis),
    html`<h2>Run</h2>${facts({
      energy: specText(run.energy),
      objective: specText(run.objective),
      optimizer: run.optimizer && specText(run.optimizer),
      data: specText(run.data),
      'batch, seed': `${run.batchSize ?? 256}, ${run.seed ?? 0}`,
      steps: `${steps} in ${number(seconds, 3)} s`,
      'last loss': number(history.at(-1)?.loss),
      ...Object.fromEntries(Object.entries(extras).map(([name, value]) => [name, number(value)])),
    })}`,
    shown || density ? html`<h2>What was learned</h2>${gallery([density, shown])}` : undefined,
    html`<h2>Training</h2>${curves(history)}`,
    bufferSection(statistics),
  ]
  return { body: body.filter((part) => part !== undefined), diagnosis }
}
