#!/usr/bin/env node
// Golden runs: every kind of energy, sampler, objective, noise, optimizer, detector, estimator of log Z and inference
// method, in float32 and float64, with one thread and two, whole and resumed, on the fused kernels of every instruction set
// and on plain LibTorch. The record of a run says later whether a change of the sources has changed a number.
//
//   npm run golden -- --out before.json                    write a record (about two minutes)
//   npm run golden -- --quick --out tests/golden/golden-avx512_bf16.json
//                                                          the record of the tests, on the processor it is for
//   npm run golden -- --compare before.json                run again, name what differs; exit 1 when something does
//   npm run golden -- --compare before.json --allow 'objectives/*' --tolerance 1e-6
//                                                          runs of these names may differ by so much (* is any text)
//   --dist DIR       the built package (default: dist/ beside this folder); LANGEVIN_ADDON names another addon
//   --only PATTERN   cases of these names only; --quick: the small ones, float32 and float64, fused (about 10 s)
//   --elsewhere X    when the record was made on another processor, instruction set, LibTorch or compiler, bits are not
//                    compared but numbers, to this relative tolerance (default: bits, wherever they come from)
//   --list           the names of the cases
//
// Runs are deterministic on one machine: two records of the same build are the same file. It also fails where a run depends
// on the number of threads, where a resumed run is not the uninterrupted one, and where a kind has no run at all.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compare, lines } from './golden/compare.mjs'
import { uncovered, watched } from './golden/coverage.mjs'
import { differences, format, machine } from './golden/record.mjs'
import { cases, execute } from './golden/runner.mjs'
import { commandLine } from './setup/arguments.mjs'

const VARIANTS = { aten: { LANGEVIN_EXECUTOR: 'aten' } }
for (const isa of ['default', 'avx2', 'avx512', 'avx512_bf16']) VARIANTS[`isa ${isa}`] = { LANGEVIN_ISA: isa }
/** A child process ends so when its processor lacks the instruction set. */
const LACKING = 3

const options = {
  dist: { type: 'string', default: join(import.meta.dirname, '..', 'dist') },
  out: { type: 'string' },
  compare: { type: 'string' },
  allow: { type: 'string', multiple: true, default: [] },
  tolerance: { type: 'string', default: '1e-6' },
  elsewhere: { type: 'string' },
  only: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  variant: { type: 'string' },
}

function parsed() {
  try {
    const { values } = commandLine(import.meta.url, { options })
    for (const key of ['tolerance', 'elsewhere']) {
      if (values[key] !== undefined && !(Number(values[key]) >= 0))
        throw new Error(`--${key} ${values[key]} is no tolerance`)
    }
    return values
  } catch (error) {
    console.error(`golden: ${error.message}`)
    process.exit(2)
  }
}

/** Families whose cases all reach kernels; the quick ones of the others do as well. */
const KERNELS = ['energies', 'samplers']

/** Whether a case belongs to the runs of a variant; undefined is that of the package as it comes. */
function selects(variant, quick) {
  if (variant === 'aten') return (one) => !one.fixed
  if (variant !== undefined) return (one) => !one.fixed && (one.quick || KERNELS.includes(one.family))
  return (one) => one.quick || !quick
}

/** The runs of this process. A variant has float32 alone: the kernels of float64 are the same templates. */
async function here(langevin, { only, quick, variant }) {
  const began = performance.now()
  const select = selects(variant, quick)
  const how = variant === undefined ? { once: quick } : { once: true, dtypes: ['float32'], prefix: `${variant}: ` }
  const made = await execute(langevin, { only, select, ...how })
  const count = Object.keys(made.runs).length
  console.error(`golden: ${variant ?? 'fused'}: ${count} runs, ${((performance.now() - began) / 1000).toFixed(0)} s`)
  return made
}

/** The runs of a variant, in a process of its own; none where the processor lacks the instruction set. */
function inChild(variant, values) {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-golden-'))
  try {
    const out = join(folder, 'runs.json')
    const args = [import.meta.filename, '--dist', values.dist, '--variant', variant, '--out', out]
    for (const pattern of values.only ?? []) args.push('--only', pattern)
    const env = { ...process.env, ...VARIANTS[variant] }
    const { status, signal } = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] })
    if (status === LACKING) return { runs: {}, problems: [] }
    if (status !== 0) return { runs: {}, problems: [`${variant}: the process ended with ${signal ?? status}`] }
    return JSON.parse(readFileSync(out, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runVariant(langevin, values) {
  try {
    await machine(langevin)
  } catch (error) {
    if (error.code === 'ERR_LANGEVIN_UNSUPPORTED') process.exit(LACKING)
    throw error
  }
  const { runs, problems } = await here(langevin, values)
  writeFileSync(values.out, JSON.stringify({ runs, problems }))
}

/** Compares with the record in a file; prints, and returns whether all is well. */
function judge(record, values) {
  const then = JSON.parse(readFileSync(values.compare, 'utf8'))
  const apart = differences(record.machine, then.machine)
  let { allow } = values
  let tolerance = Number(values.tolerance)
  if (apart.length > 0) {
    console.log(`The record was made elsewhere: ${apart.join('; ')}.`)
    if (values.elsewhere === undefined) console.log('Bits need not be equal then; --elsewhere gives a tolerance.')
    else [allow, tolerance] = [['*'], Number(values.elsewhere)]
  }
  const complete = values.only === undefined && (then.cases === 'quick' || !values.quick)
  const report = compare(record, then, { allow, tolerance, complete })
  for (const line of lines(report, tolerance)) console.log(line)
  return report.changed.length === 0 && report.missing.length === 0
}

async function main() {
  const values = parsed()
  if (values.list) {
    for (const { name, quick } of cases()) console.log(quick ? `${name} (quick)` : name)
    return
  }
  const plain = await import(pathToFileURL(resolve(values.dist, 'index.js')).href)
  if (values.variant !== undefined) return runVariant(plain, values)
  // First, so that an addon that cannot be loaded is one error and not one a run.
  const about = await machine(plain)
  const used = new Set()
  const { runs, problems } = await here(watched(plain, used), values)
  const asked = process.env.LANGEVIN_ISA ?? process.env.LANGEVIN_EXECUTOR
  if (!values.quick && asked === undefined) {
    for (const variant of Object.keys(VARIANTS)) {
      if (variant === `isa ${about.instructionSet}`) continue
      const more = inChild(variant, values)
      Object.assign(runs, more.runs)
      problems.push(...more.problems)
    }
  }
  if (values.only === undefined) problems.push(...uncovered(plain, used))
  const record = { cases: values.quick ? 'quick' : 'all', machine: about, versions: plain.versions(), runs }
  if (values.out !== undefined) writeFileSync(values.out, format(record))
  for (const problem of problems) console.log(`PROBLEM  ${problem}`)
  const well = values.compare === undefined || judge(record, values)
  if (!well || problems.length > 0) process.exitCode = 1
}

await main()
