/** The report of a sampling run. */
import { type Diagnosis, diagnose } from '../diagnose/index.js'
import type { SampleDiagnostics, SampleResult } from '../sample.js'
import type { SpecValue } from '../spec/index.js'
import { histogram, lineChart, rankPlot } from './chart.js'
import { type Html, html } from './html.js'
import { facts, findingsSection, gallery, number, specText } from './run-sections.js'

const COLUMNS = 4
const CHAINS = 8

export interface SampleReportInput {
  sampler: SpecValue
  diagnostics: SampleDiagnostics
  trace?: { x: number[][][]; energy: number[][] }
  energy: readonly number[]
  seconds: number
  executor: string
  seed: number
}

export interface SamplePictures {
  /** Rank histograms of the energy and of the first columns, [chains][bins], with their names. */
  ranks?: readonly { label: string; counts: readonly (readonly number[])[] }[]
  density?: Html
}

function traces(x: readonly number[][][], energy: readonly number[][]): Html {
  const one = (name: string, chains: readonly number[][]) =>
    lineChart(
      chains
        .slice(0, CHAINS)
        .map((draws, i) => ({ label: `chain ${i}`, points: draws.map((v, k) => [k, v] as const) })),
      {
        title: `${name}, ${Math.min(CHAINS, chains.length)} chains`,
        xLabel: 'traced draw',
        stroke: 0.8,
        bare: true,
        size: { top: 26 },
      },
    )
  return gallery([one('energy', energy), ...x.slice(0, COLUMNS).map((chains, i) => one(`x[${i}]`, chains))])
}

export function sampleReport(
  result: SampleReportInput,
  pictures: SamplePictures,
): { body: Html[]; diagnosis: Diagnosis } {
  const diagnosis = diagnose(result as unknown as SampleResult)
  const { diagnostics: d, trace, sampler } = result
  const { ranks = [], density } = pictures
  const traced = trace ? [{ label: 'traced draws', values: trace.energy.flat() }] : []
  const energies = [...traced, { label: 'last states', values: result.energy }]
  const body = [
    findingsSection(diagnosis),
    html`<h2>Run</h2>${facts({
      sampler: specText(sampler),
      'chains, steps, burn-in': `${d.chains}, ${d.steps}, ${d.burnIn}`,
      seed: result.seed,
      'ran in': `${number(result.seconds, 3)} s (${result.executor})`,
      acceptance: d.acceptance === null ? undefined : number(d.acceptance, 3),
      'acceptance a test would give': d.wouldBeAcceptance === null ? undefined : number(d.wouldBeAcceptance, 3),
      'R-hat': number(d.rhat, 4),
      'effective draws, bulk and tail': `${number(d.ess.bulk, 4)}, ${number(d.ess.tail, 4)}`,
      'standard error of the mean': number(d.mcse, 3),
      'divergences, in burn-in': `${d.divergences}, ${d.burnInDivergences}`,
      'effective temperature': number(d.effectiveTemperature, 3),
    })}`,
    trace &&
      html`<h2>Traces</h2><p>A good chain looks like noise around one level, the same for all chains.</p>${traces(trace.x, trace.energy)}`,
    ranks.length > 0 &&
      html`<h2>Ranks</h2><p>How often a chain's draws have low (left) and high (right) ranks among all draws. Mixed chains
are level; a slope is a chain that stays on one side.</p>${ranks.map(({ label, counts }) => html`<figure>${rankPlot(counts, { title: label })}</figure>`)}`,
    html`<h2>Draws</h2>${gallery([density, histogram(energies, { title: 'Energies (low = probable)', xLabel: 'E' })])}`,
  ]
  return { body: body.filter((part) => part !== undefined && part !== false), diagnosis }
}
