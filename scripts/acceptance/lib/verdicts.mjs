// What the acceptance scripts share: criteria against rows, the table of verdicts, the dated result file, the exit code.
import { mkdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { interruption, note, ProgressBar, report } from '../../../dist/cli/support.js'
import { versions } from '../../../dist/index.js'
import { writeAtomic } from '../../../dist/io/files.js'

export const RESULTS = 'scripts/bench/results'

export const atMost = (limit) => ({ text: `<= ${limit}`, holds: (v) => v <= limit, worst: (all) => Math.max(...all) })
export const atLeast = (limit) => ({ text: `>= ${limit}`, holds: (v) => v >= limit, worst: (all) => Math.min(...all) })

export const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length

const matches = (row, where) => Object.entries(where).every(([key, value]) => row[key] === value)

/**
 * Criteria { where, metric, ...atMost or atLeast, every? } against rows: those of `where` are seeds of one setting. Their mean
 * has to hold, with `every` each of them. A number that is missing fails; a setting without rows was not asked for.
 */
export function judge(criteria, rows) {
  return criteria.flatMap(({ where, metric, text, holds, worst, every = false }) => {
    const values = rows.filter((row) => matches(row, where)).map((row) => row[metric] ?? Number.NaN)
    if (values.length === 0) return []
    const passed = every ? values.every(holds) : holds(mean(values))
    return [
      {
        ...where,
        metric,
        limit: text,
        of: every ? 'every' : 'mean',
        mean: mean(values),
        worst: worst(values),
        seeds: values.length,
        passed,
      },
    ]
  })
}

const NUMBERS = new Set(['metric', 'limit', 'of', 'mean', 'worst', 'seeds', 'passed'])

/** One line per verdict; returns how many failed. */
export function tell(checks) {
  const names = checks.map((check) =>
    Object.keys(check)
      .filter((key) => !NUMBERS.has(key))
      .map((key) => String(check[key])),
  )
  const width = (column) => Math.max(...names.map((words) => (words[column] ?? '').length))
  for (const [i, { metric, limit, of, mean: average, worst, passed }] of checks.entries()) {
    const name = names[i].map((word, column) => word.padEnd(width(column))).join(' ')
    const numbers = `mean ${average.toFixed(4)}  worst ${worst.toFixed(4)}  ${of} ${limit}`
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} ${metric.padEnd(15)} ${numbers}`)
  }
  const failed = checks.filter(({ passed }) => !passed).length
  console.log(`${checks.length - failed} of ${checks.length} hold`)
  return failed
}

const today = () => new Date().toISOString().slice(0, 10)
export const resultPath = (folder, study) => join(folder, `${study}-${today()}.json`)

/** Writes `<study>-<date>.json`: the machine and versions beside what came out. */
export async function keep(folder, study, result) {
  mkdirSync(folder, { recursive: true })
  const path = resultPath(folder, study)
  const machine = { processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, load: loadavg() }
  const { langevin, libtorch } = versions()
  const kept = { date: today(), machine, versions: { node: process.version, langevin, libtorch }, ...result }
  await writeAtomic(path, [`${JSON.stringify(kept, null, 1)}\n`])
  note(`wrote ${path}`)
  return path
}

/** Options of the command line by `read`, which throws what is wrong with them: exit code 2. */
export function optionsOrExit(read) {
  try {
    return read()
  } catch (error) {
    note(error.message)
    return process.exit(2)
  }
}

/**
 * `work({ signal, bar, each })` with a progress bar and an abort signal for Ctrl-C. `each(tasks, run)` does one task after the
 * other and keeps those that were done before an interruption.
 */
export async function watched(work) {
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  async function each(tasks, run) {
    const rows = []
    try {
      for (const [i, task] of tasks.entries()) rows.push(await run(task, i))
    } catch (error) {
      if (!interrupted()) throw error
    }
    return rows
  }
  try {
    return { result: await work({ signal, bar, each }), interrupted: interrupted() }
  } finally {
    bar.end()
    release()
  }
}

/** Runs a script: its work tells whether all held and whether it was interrupted. Exit codes 0, 1 (failed), 130. */
export async function main(work) {
  try {
    const { failed, interrupted = false } = await work()
    if (interrupted) process.exitCode = 130
    else if (failed > 0) process.exitCode = 1
  } catch (error) {
    process.exitCode = report(error)
  }
}
