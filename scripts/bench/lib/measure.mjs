/** One row of a case: its contenders in turns A B C A B C, so that whatever the machine does meets all of them alike. */

import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Child, neighbourOf } from './child.mjs'
import { root } from './peers.mjs'
import { summary } from './statistics.mjs'

/** Trials during which more than this many cores worked for someone else are counted as disturbed. */
export const DISTURBED = 0.1

/** The options a child gets: the row's, the contender's, the threads; steps scaled for slow peers and for short runs. */
export function optionsOf(row, contender, threads, scale = 1) {
  const all = { ...row.options, ...contender.options, ...(threads !== undefined && { threads }) }
  if (all.milliseconds !== undefined) all.milliseconds *= scale
  if (all.steps !== undefined) all.steps = Math.max(2, Math.round(all.steps * scale * (contender.steps ?? 1)))
  return all
}

/** The process of a case that has one for all its rows, made ready for this row. */
async function prepare(residents, contender, options, threads, peers) {
  if (!residents.has(contender)) {
    const child = new Child(
      peers.command(contender),
      { ...contender.options, threads },
      peers.environment(threads),
      threads,
    )
    await child.answer()
    residents.set(contender, child)
  }
  const child = residents.get(contender)
  const info = await child.prepare(options)
  return info.unsupported === undefined ? { child, info } : { unsupported: info.unsupported }
}

async function start(contender, options, threads, peers) {
  const child = new Child(peers.command(contender), options, peers.environment(threads), threads)
  const info = await child.answer()
  if (info.unsupported === undefined) return { child, info, age: child.age }
  await child.end()
  return { unsupported: info.unsupported }
}

/** Starts everyone, takes `turns` measurements of each in turns, and ends everyone. Results go to `trials` and `infos`. */
async function oneProcess(active, row, threads, turns, { peers, scale, bench, residents }, say) {
  const children = new Map()
  const open = async (contender) => {
    const options = optionsOf(row, contender, threads, scale)
    const begun = residents
      ? await prepare(residents, contender, options, threads, peers)
      : await start(contender, options, threads, peers)
    if (begun.unsupported !== undefined) say(`${contender.name} left out of this row: ${begun.unsupported}`)
    return begun
  }
  try {
    for (let turn = 0; turn < turns; turn++) {
      for (const entry of active.filter((each) => !each.out)) {
        if (!children.has(entry)) {
          const begun = await open(entry.contender)
          if (begun.unsupported !== undefined) {
            entry.out = true
            continue
          }
          children.set(entry, begun.child)
          entry.age = begun.age
          entry.info = begun.info
        }
        await wait(20) // worker threads of the one before have gone to sleep
        const trial = await children.get(entry).measure()
        entry.trials.push(bench.counts === 'start' ? { ...trial, value: entry.age } : trial)
        if (!bench.fresh) continue
        await children.get(entry).end()
        children.delete(entry)
      }
    }
  } finally {
    if (!residents) await Promise.all([...children.values()].map((child) => child.end()))
  }
}

/**
 * Measures one row. Every contender is started `processes` times, to average over where a process happens to lie in memory;
 * the first turn of a process follows its warm-up. In a case with `resident` one process of each serves all rows (`residents` of
 * the context), because starting three of them would take longer than the row.
 */
export async function measureRow(bench, row, threads, contenders, context, say) {
  const { repeats } = context
  const processes = bench.fresh || bench.resident ? 1 : Math.min(context.processes, repeats)
  const active = contenders
    .filter((c) => c.for === undefined || c.for(row, threads))
    .map((contender) => ({ contender, trials: [], info: {}, out: false }))
  const script = join(root, 'scripts/bench/langevin/neighbour.mjs')
  const leave = bench.neighbour && neighbourOf({ script, ...bench.neighbour })
  try {
    for (let p = 0; p < processes; p++) {
      const turns = Math.floor(repeats / processes) + (p < repeats % processes ? 1 : 0)
      await oneProcess(active, row, threads, turns, { ...context, bench }, say)
    }
  } finally {
    leave?.()
  }
  const measured = active.filter((each) => each.trials.length > 0)
  const ours = measured.find((each) => each.contender.peer === 'langevin')
  const rows = measured.map(({ contender, trials, info }) => {
    const spread = summary(trials.map((t) => t.value))
    const also = Object.fromEntries((contender.also ?? []).map((key) => [key, alsoOf(key, info, trials)]))
    return {
      name: contender.name,
      ...(contender.precision && { precision: contender.precision }),
      ...spread,
      ...(ours && { ratio: spread.median / summary(ours.trials.map((t) => t.value)).median }),
      ...(row.flop && bench.secondsPerUnit && { gflops: row.flop / (spread.median * bench.secondsPerUnit) / 1e9 }),
      ...(Object.keys(also).length > 0 && { also }),
      disturbed: trials.filter((t) => t.foreign > DISTURBED + (bench.neighbour?.share ?? 0)).length,
      trials: trials.map(({ value, load, foreign }) => ({ value, load, foreign: Math.round(foreign * 1000) / 1000 })),
    }
  })
  const { label, flop, chart, options } = row
  return {
    label,
    ...(threads !== undefined && { threads }),
    options,
    ...(flop && { flop }),
    ...(chart && { chart }),
    contenders: rows,
  }
}

/** A number beside the main one: the median over the trials, or what the child said once. */
function alsoOf(key, info, trials) {
  const values = trials.map((t) => t[key]).filter((v) => v !== undefined)
  if (values.length === 0) return info[key] ?? null
  return values.every((v) => typeof v === 'number') ? summary(values).median : values.at(-1)
}
