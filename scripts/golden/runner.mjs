// Runs golden cases in this process: in each dtype, with one thread and with two, whole and interrupted, and says where
// those differ.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { families as casesOf } from './cases/index.mjs'
import { matches } from './compare.mjs'
import { runRecord } from './record.mjs'

/**
 * Every case: { name, run, dtypes, quick, resume, fixed }.
 *   run(context): results by name; context is { langevin, dtype, threads, interrupted, scratch, must }
 *   dtypes: those it runs in (default float32 and float64)
 *   quick: it is small, and stays near on another instruction set; tests/golden runs it
 *   resume: 'all' where an interrupted and resumed run gives every result of a whole one, 'some' where it gives some
 *   fixed: neither executor nor threads could matter (data, metrics): it runs once
 */
export function cases() {
  const all = Object.entries(casesOf).flatMap(([family, list]) =>
    list.map((each) => ({ dtypes: ['float32', 'float64'], ...each, family, name: `${family}/${each.name}` })),
  )
  const names = all.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`two golden cases are called ${twice}`)
  return all
}

/** Results in which two records of one run differ; those that only one of them has are left out. */
function unequal(a, b) {
  return Object.keys(a.parts).filter((name) => b.parts[name] !== undefined && a.parts[name][0] !== b.parts[name][0])
}

/** Runs of a case beside the first one (one thread, whole) that must give the same bits. */
function repetitions({ resume, fixed }) {
  if (fixed) return []
  const two = { threads: 2, interrupted: false, told: 'with 2 threads it differs from 1 thread' }
  // Both at once; when they differ, the run with two threads alone says which it was.
  if (resume === 'all') return [{ ...two, interrupted: true, told: 'resumed (with 2 threads) it differs', apart: two }]
  return resume === 'some' ? [two, { ...two, interrupted: true, told: 'resumed it differs' }] : [two]
}

/**
 * @param langevin the package, or `watched` of it
 * @param options.only patterns of names; `select`: which cases; `once`: two threads, whole, and no repetitions; `dtypes`: in
 *   these alone; `prefix`: what the runs' names begin with
 * @returns { runs: records by name, problems: texts }
 */
export async function execute(langevin, { only, select = () => true, once = false, dtypes, prefix = '' } = {}) {
  const runs = {}
  const problems = []
  const folder = mkdtempSync(join(tmpdir(), 'langevin-golden-'))
  try {
    for (const one of cases()) {
      if (!select(one) || (only && !matches(only, one.name))) continue
      for (const dtype of one.dtypes) {
        if (dtypes && !dtypes.includes(dtype)) continue
        const name = `${prefix}${one.name} ${dtype}`
        const problem = (text) => problems.push(`${name}: ${text}`)
        try {
          runs[name] = await executeOne(one, { langevin, dtype, once, folder, problem })
        } catch (error) {
          problem(`${error.code ?? error.name}: ${error.message}`)
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { runs, problems }
}

async function executeOne(one, { langevin, dtype, once, folder, problem }) {
  const attempt = async ({ threads, interrupted }) => {
    const scratch = mkdtempSync(join(folder, 'run-'))
    const must = (holds, text) => {
      if (!holds) problem(text)
    }
    return runRecord(await one.run({ langevin, dtype, threads, interrupted, scratch, must }))
  }
  if (once) return attempt({ threads: 2, interrupted: false })
  const first = await attempt({ threads: 1, interrupted: false })
  for (const { told, apart, ...how } of repetitions(one)) {
    const changed = unequal(first, await attempt(how))
    if (changed.length === 0) continue
    const threads = apart === undefined ? [] : unequal(first, await attempt(apart))
    if (threads.length > 0) problem(`${apart.told} in ${threads.join(', ')}`)
    else problem(`${told} in ${changed.join(', ')}`)
  }
  return first
}
