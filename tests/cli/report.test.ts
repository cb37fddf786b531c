/** `langevin report` on training and sampling runs. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { main, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('report')
const langevin = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' })
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value))

const RUN = {
  energy: { kind: 'mlp', input: 2, hidden: [16], gaussianBase: 2 },
  data: { toy: 'moons', n: 500 },
  objective: {
    kind: 'persistentContrastiveDivergence',
    sampler: { kind: 'langevin', steps: 2, stepSize: 0.02 },
    buffer: { size: 100_000, reinit: 0.05 },
  },
  steps: 100,
  batchSize: 64,
  out: 'moons.safetensors',
}

/** Nothing a browser would fetch. */
function expectSelfContained(page: string): void {
  expect(page).not.toMatch(/(src|href)="(?!data:|#)/)
  expect(page).not.toMatch(/<script|<link|@import|url\((?!data:)/)
}

beforeAll(() => {
  write('run.json', RUN)
  const { status, stderr } = langevin('train', 'run.json')
  expect(stderr).toContain('The run is in runs/moons-1, with its report runs/moons-1/report.html')
  expect(status).toBe(0)
})

describe('langevin report', () => {
  it('of a training run, from its run.json', () => {
    const { status, stdout, stderr } = langevin('report', 'run.json', '--json')
    expect(status, stderr).toBe(0)
    const { out, findings } = JSON.parse(stdout)
    expect(out).toBe('moons.report.html')
    // The buffer is far too large for 100 steps of 64 chains, and the page says so first.
    expect(findings).toMatchObject([{ code: 'buffer-stale', severity: 'warning' }])
    const page = read(out)
    expectSelfContained(page)
    const heads = [...page.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map((m) => m[1])
    expect(heads).toEqual(['Findings', 'Run', 'What was learned', 'Training', 'Replay buffer'])
    expect(page).toContain('warning: buffer-stale.')
    expect(page).toContain('mlp(input 2, hidden [16]')
    expect(page).toContain('data:image/png;base64,')
    for (const title of ['Loss', 'Gap: E(negatives) - E(data)', 'Age of the chains']) {
      expect(page).toContain(`<title>${title.replaceAll('&', '&amp;')}</title>`)
    }
  })

  it('of a sampling run, elsewhere, and the same when the model has gone', () => {
    const args = ['--sampler', 'mala', '--steps', '200', '--step-size', '0.1', '--chains', '50', '--out', 'draws.csv']
    expect(langevin('sample', 'moons.safetensors', ...args).status).toBe(0)
    const result = JSON.parse(read('draws.result.json'))
    expect(result).toMatchObject({ kind: 'sample', version: 1, model: 'moons.safetensors', sampler: { kind: 'mala' } })
    expect(result.samples).toHaveLength(50)
    expect(langevin('report', 'draws.result.json', '--out', 'page.html').stdout).toBe('page.html\n')
    const page = read('page.html')
    expectSelfContained(page)
    for (const part of ['Traces', 'Ranks of the energy', 'Ranks of x[1]', 'exp(-E), and the last states', 'chain 15']) {
      expect(page).toContain(part)
    }
    write('orphan.result.json', { ...result, model: 'gone.safetensors' })
    const { status, stderr } = langevin('report', 'orphan.result.json')
    expect([status, stderr.includes('gone.safetensors was not found')]).toEqual([0, true])
    expect(read('orphan.report.html')).not.toContain('data:image/png')
  })

  it('of something else is an error in words', () => {
    write('other.json', { a: 1 })
    const other = langevin('report', 'other.json')
    expect([other.status, other.stderr]).toEqual([
      1,
      expect.stringMatching(/ERR_LANGEVIN_FORMAT.*neither a result file/),
    ])
    write('new.json', { kind: 'train', version: 9 })
    expect(langevin('report', 'new.json').stderr).toContain('a result file of version 9')
    expect(langevin('report', 'missing.json').stderr).toContain('ERR_LANGEVIN_IO')
    expect(existsSync(join(folder, 'other.report.html'))).toBe(false)
    expect(langevin('report', '--help').stdout).toContain('npx langevin report run.json')
  })
})
