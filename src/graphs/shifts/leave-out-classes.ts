/** Classes that the network never sees. */
import { LangevinError } from '../../errors.js'
import type { Graph } from '../../graph/index.js'
import { requireOptions } from '../../spec/index.js'
import { tensor } from '../../tensor/index.js'
import { inductive, labelsOf, maskOf, type Shift } from './shift.js'

export interface LeaveOutClassesOptions {
  /** Class numbers that are left out, or how many of the last ones. */
  classes: readonly number[] | number
}

/**
 * Nodes of some classes are out-of-distribution. The others keep their order and are numbered anew from 0, so that a network
 * with as many outputs can be trained; the labels of those left out are -1.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION: a class there is not, or none left
 */
export async function leaveOutClasses(graph: Graph, options: LeaveOutClassesOptions): Promise<Shift> {
  const { classes: given } = requireOptions('graph.shifts.leaveOutClasses', options, ['classes'])
  const labels = labelsOf('leaveOutClasses', graph)
  const count = graph.classes ?? 0
  const out = new Set(typeof given === 'number' ? Array.from({ length: given }, (_, k) => count - 1 - k) : given)
  const wrong = [...out].find((c) => !(Number.isInteger(c) && c >= 0 && c < count))
  if (wrong !== undefined || out.size === 0 || out.size >= count) {
    const why = wrong !== undefined ? `there is no class ${wrong}` : `${out.size} classes would be left out`
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `graph.shifts.leaveOutClasses: classes: ${why}; the graph has classes 0 to ${count - 1}, at least one goes and one stays`,
      { details: { classes: count } },
    )
  }
  const kept = Array.from({ length: count }, (_, c) => c).filter((c) => !out.has(c))
  const numbers = labels.toArray() as number[]
  const renamed = numbers.map((c) => kept.indexOf(c))
  const shifted = graph.withLabels(tensor(renamed, undefined, 'int64'), kept.length)
  return inductive('leave-out-classes', shifted, maskOf(numbers.map((c) => out.has(c))))
}
