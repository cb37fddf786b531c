/** The shape of a result file, checked by hand: what a committed file must hold to be read by --table and --compare. */
export const SCHEMA = 1

/** What is wrong with a report; nothing when the list is empty. */
export function problems(report) {
  const found = []
  const need = (holds, what) => {
    if (!holds) found.push(what)
  }
  const positive = (v) => typeof v === 'number' && Number.isFinite(v) && v > 0
  need(report.bench === 'langevin' && report.schema === SCHEMA, `bench 'langevin', schema ${SCHEMA}`)
  need(/^\d{4}-\d\d-\d\d$/.test(report.date ?? ''), 'date')
  need(/^[0-9a-f]{40}\+?$|^unknown$/.test(report.commit ?? ''), 'commit')
  need(typeof report.command === 'string' && report.command.startsWith('npm run bench'), 'command')
  need(typeof report.machine?.cpu === 'string' && report.machine.cores >= 1, 'machine')
  need(Array.isArray(report.machine?.flags), 'machine.flags')
  need(typeof report.versions?.node === 'string' && typeof report.versions?.libtorch === 'string', 'versions')
  need(
    ['before', 'after'].every((when) => report.load?.[when]?.length === 3),
    'load before and after',
  )
  need(Number.isInteger(report.repeats) && report.repeats >= 1, 'repeats')
  need(positive(report.scale), 'scale')
  need(Array.isArray(report.peaks) && report.peaks.every((p) => positive(p.float32) && positive(p.triad)), 'peaks')
  need(Array.isArray(report.cases) && report.cases.length > 0, 'cases')
  for (const each of report.cases ?? []) {
    for (const row of each.rows ?? []) {
      for (const c of row.contenders) {
        const at = `${each.name}: ${row.label}: ${c.name}`
        need(
          [c.median, c.lowest, c.highest].every((v) => typeof v === 'number' && v >= 0),
          `${at}: median, lowest, highest`,
        )
        need(c.lowest <= c.median && c.median <= c.highest, `${at}: the median lies in its spread`)
        need(c.trials?.length === each.repeats, `${at}: one trial a repeat`)
      }
    }
  }
  return found
}
