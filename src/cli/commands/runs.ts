/** `langevin runs`: the folders of runs that train writes, listed, compared, continued, cleaned. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { type Command, Option } from 'commander'
import { LangevinError } from '../../errors.js'
import { number } from '../../report/run-sections.js'
import {
  compareRuns,
  type Difference,
  type FoundRun,
  findRun,
  gcPlan,
  gcRemove,
  listRuns,
  newestCheckpoint,
  RUNS,
  requireEnded,
} from '../../runs/index.js'
import { parseRunFile } from '../run-file.js'
import { action, note, print, printJson, warn, wholeNumber } from '../support.js'
import { megabytes, textTable } from '../text-table.js'
import { trainRun } from '../train-run.js'

interface Common {
  runs: string
  json?: boolean
}

const OVERVIEW = `
langevin train writes a folder per run, runs/rows-1, runs/rows-2, ...: run.json with all defaults, record.json (versions, seed,
machine, how it ended), metrics.jsonl (a line per measurement, while it goes on), checkpoints, the model, its result and report.
A run is named by its folder, such as rows-1. Each of the commands has a help of its own: runs gc --help.

Examples:
  npx langevin runs list
  npx langevin runs compare rows-1 machines-1
  npx langevin runs gc`

const runsOption = () => new Option('--runs <folder>', 'the folder of runs').default(RUNS)

/** A run as JSON tells it. */
function told({ id, path, state, step, steps, loss, seconds, record }: FoundRun) {
  const { started, ended, seed, environment, findings = [], error } = record
  return { id, path, state, step, steps, loss, seconds, started, ended, seed, environment, findings, error }
}

const kindOf = (run: FoundRun, family: string) =>
  String((run.run[family] as { kind?: string } | undefined)?.kind ?? '–')

async function list({ runs: root, json }: Common): Promise<void> {
  const { runs, others } = await listRuns(root)
  if (json) {
    printJson({
      runs: runs.map(told),
      others: others.map(({ kind: is, id, path, problem }) => ({ id, path, is, problem })),
    })
    return
  }
  const rows = runs.map((run) => [
    run.id,
    run.state,
    `${run.step}${run.steps === undefined ? '' : ` of ${run.steps}`}`,
    number(run.loss),
    number(run.seconds),
    kindOf(run, 'objective'),
    String(run.record.findings?.length ?? '–'),
    run.record.started.slice(0, 16).replace('T', ' '),
  ])
  const heads = ['run', 'state', 'steps', 'loss', 'seconds', 'objective', 'findings', 'started (UTC)']
  if (rows.length > 0) print(textTable(heads, rows))
  else note(`there is no run in ${root}; langevin train makes one`)
  for (const { path, problem } of others) warn(`${path}: ${problem}`)
}

/** A value of run.json in a cell. */
const shown = (value: unknown) => (value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value))

async function compare(names: string[], { runs: root, json }: Common): Promise<void> {
  const found = await Promise.all(names.map((name) => findRun(root, name)))
  const twice = found.find(({ path }, i) => found.findIndex((other) => other.path === path) < i)
  if (twice !== undefined) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `runs compare: ${twice.id} is named twice`)
  }
  const { differences, measured } = await compareRuns(found)
  if (json) {
    printJson({ runs: found.map(told), differences, measured })
    return
  }
  const ids = found.map(({ id }) => id)
  const line = (name: string, cell: (run: FoundRun) => string) => [name, ...found.map(cell)]
  const facts = [
    line('state', ({ state }) => state),
    line('steps', ({ step }) => String(step)),
    line('seconds', ({ seconds }) => number(seconds)),
    line('findings', ({ record }) => record.findings?.map(({ code }) => code).join(', ') || '–'),
  ]
  const settings = differences.map(({ setting, values }: Difference) => [
    setting,
    ...ids.map((id) => shown(values[id])),
  ])
  const monitors = [...new Set(ids.flatMap((id) => Object.keys(measured[id]!)))].map((name) => [
    name,
    ...ids.map((id) => number(measured[id]![name])),
  ])
  print(textTable(['run', ...ids], facts))
  print(
    `\n${settings.length === 0 ? 'All settings are the same.' : textTable(['settings that differ', ...ids], settings)}`,
  )
  if (monitors.length > 0) print(`\n${textTable(['mean over the last tenth', ...ids], monitors)}`)
}

interface ResumeOptions extends Common {
  steps?: number
  epochs?: number
  threads?: number
  ui?: boolean
  port?: number
}

/** Steps a run has in all, where it says so. */
const lengthOf = (run: FoundRun, steps: number | undefined) => steps ?? (run.run.steps as number | undefined)

async function resume(name: string, options: ResumeOptions): Promise<void> {
  const found = await findRun(options.runs, name)
  await requireEnded(found)
  const checkpoint = await newestCheckpoint(found)
  if (checkpoint === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${found.id} has no whole checkpoint to continue from; begin anew with: npx langevin train ${found.path}/run.json`,
      { details: { run: found.id, path: found.path } },
    )
  }
  const { step } = checkpoint
  if (
    found.state === 'done' &&
    options.epochs === undefined &&
    (lengthOf(found, options.steps) ?? Number.POSITIVE_INFINITY) <= step
  ) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${found.id} has all its ${step} steps; to make it longer: npx langevin runs resume ${name} --steps ${2 * step}`,
      { details: { run: found.id, path: 'steps', step } },
    )
  }
  const file = parseRunFile(found.run, `${found.path}/run.json`)
  const [from, runs] = [resolve(checkpoint.path), resolve(options.runs)]
  const run = { ...found, path: resolve(found.path) }
  // The paths of its run.json are relative to where it was begun.
  if (existsSync(found.record.folder)) process.chdir(found.record.folder)
  note(`continuing ${found.id} after step ${step}`)
  await trainRun({ file, from, continues: { run, step } }, { ...options, runs })
}

interface GcCommandOptions extends Common {
  keep: number
  done?: boolean
  yes?: boolean
}

async function gc(names: string[], { runs: root, keep, done, yes, json }: GcCommandOptions): Promise<void> {
  const { runs, others } = await listRuns(root)
  const known = [...runs, ...others].map(({ id }) => id)
  for (const name of names.filter((each) => !known.includes(each))) await findRun(root, name)
  const plan = await gcPlan(root, { keep, done, ...(names.length > 0 && { only: names }) })
  const items = yes ? await gcRemove(root, plan) : plan.items
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0)
  if (json) {
    printJson({ removed: yes === true, bytes, items, skipped: plan.skipped })
    return
  }
  for (const { path, bytes: each, why } of items) print(`${path}  ${megabytes(each)}  ${why}`)
  for (const { run, why } of plan.skipped) note(`left alone: ${run}: ${why}`)
  if (items.length === 0) note('nothing to remove')
  else if (yes) note(`removed ${megabytes(bytes)}`)
  else note(`${megabytes(bytes)} would go; nothing was removed: that takes --yes`)
}

function registerResume(command: Command): void {
  const resuming = command
    .command('resume')
    .description('continue a run from its newest whole checkpoint, in the same folder')
    .argument('<run>', 'its name, or the path of its folder')
    .option('--steps <n>', 'another length, counted from the start of the run', wholeNumber(1))
    .option('--epochs <n>', 'the same in passes over the rows', wholeNumber(1))
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--ui', 'serve the page that shows the run live')
    .option('--port <n>', 'port of that page (default: any that is free)', wholeNumber(1))
    .addOption(runsOption())
    .option('--json', 'print what train --json prints')
    .addHelpText(
      'after',
      `
The result is bit-equal to that of a run that was never stopped. Rows and settings must be the same; paths count from the folder
in which the run was begun.

Examples:
  npx langevin runs resume rows-1 --steps 2500`,
    )
  action(resuming, resume)
}

function registerGc(command: Command): void {
  const cleaning = command
    .command('gc')
    .description('remove older and broken checkpoints, and runs that never began')
    .argument('[runs...]', 'names of runs (default: all)')
    .option('--keep <n>', 'whole checkpoints that stay of each run', wholeNumber(1), 1)
    .option(
      '--done',
      'runs that are done lose their last checkpoint too: their model stays, they cannot be made longer',
    )
    .option('--yes', 'remove; without it they are only named')
    .addOption(runsOption())
    .option('--json', 'print { removed, bytes, items, skipped }')
    .addHelpText(
      'after',
      `
The newest whole checkpoint of a run that can be continued always stays. Runs that are being trained, and folders that are none of
langevin's, are left alone and named.

Examples:
  npx langevin runs gc
  npx langevin runs gc rows-1 --keep 2 --yes`,
    )
  action(cleaning, gc)
}

/** `langevin runs`: list, compare, resume, gc. */
export default function register(program: Command): void {
  const command = program
    .command('runs')
    .description('the folders of runs that train writes: list, compare, resume, gc')
    .addHelpText('after', OVERVIEW)
  const listing = command
    .command('list')
    .description('the runs, the newest first, with how far they are')
    .addOption(runsOption())
    .option('--json', 'print { runs, others }: others are half-written and foreign folders')
    .addHelpText('after', '\nExamples:\n  npx langevin runs list\n  npx langevin runs list --json')
  action(listing, list)
  const comparing = command
    .command('compare')
    .description('runs side by side: settings that differ, and what they measured')
    .argument('<runs...>', 'their names, or the paths of their folders')
    .addOption(runsOption())
    .option('--json', 'print { runs, differences, measured }')
    .addHelpText('after', '\nExamples:\n  npx langevin runs compare rows-1 machines-1')
  action(comparing, compare)
  registerResume(command)
  registerGc(command)
}
