/** The report of a training run. */
import { type Diagnosis, diagnose } from '../diagnose/index.js'
import type { HistoryPoint, TrainResult } from '../training/index.js'
import { bars, histogram, lineChart, type Series } from './chart.js'
import { type Html, html } from './html.js'
import { facts, findingsSection, gallery, number, specText } from './run-sections.js'

/** A monitor of the history in a chart: which ones share one, and how they are drawn. */
interface Plot {
  title: string
  monitors: readonly string[]
  log?: boolean
  guides?: readonly { y: number; label: string }[]
}

const PLOTS: readonly Plot[] = [
  { title: 'Loss', monitors: ['loss'] },
  { title: 'Energies', monitors: ['energyData', 'energyNegatives', 'energyUniform'] },
  { title: 'Gap: E(negatives) - E(data)', monitors: ['gap'], guides: [{ y: 0, label: '' }] },
  {
    title: 'E(uniform noise) - E(data)',
    monitors: ['uniformGap'],
    guides: [{ y: 0, label: 'noise as probable as data' }],
  },
  { title: 'Gradient norm', monitors: ['gradientNorm'], log: true },
  { title: 'Parameter norm', monitors: ['parameterNorm'] },
  { title: 'Learning rate', monitors: ['lr'] },
  { title: 'Acceptance a Metropolis test gives, or would give', monitors: ['acceptance'] },
  { title: 'Distance the chains move, in standard deviations of the data', monitors: ['displacement'], log: true },
  { title: 'Share of chain steps clipped, at the border', monitors: ['clippedShare', 'clampedShare'] },
  { title: 'Share of buffer draws restarted', monitors: ['restartShare'] },
  { title: 'Mean age of the buffer, sampler steps', monitors: ['bufferAge'] },
]

const KNOWN = new Set(['step', ...PLOTS.flatMap((p) => p.monitors), 'bufferSaturation'])

function series(history: readonly HistoryPoint[], monitor: string): Series {
  const points = history.flatMap((point) => {
    const value = point[monitor]
    return value === undefined ? [] : [[point.step, value] as const]
  })
  return { label: monitor, points }
}

/** A monitor that never changes is not drawn. */
const changes = (s: Series) => s.points.length > 1 && s.points.some(([, y]) => y !== s.points[0]![1])

function curves(history: readonly HistoryPoint[]): Html {
  const names = new Set(history.flatMap((point) => Object.keys(point)))
  const others = [...names].filter((name) => !KNOWN.has(name)).map((name): Plot => ({ title: name, monitors: [name] }))
  const charts = [...PLOTS, ...others].flatMap((plot) => {
    const lines = plot.monitors.map((m) => series(history, m)).filter(changes)
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
