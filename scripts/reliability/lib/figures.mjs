// Figures of a part: a value, the limit it is held to, and what came of it.
//
// states: pass, fail; figure (nothing was promised of it); skipped (this machine cannot do it: the note says why); loaded (a
// limit on time, on a machine that others used meanwhile: neither a pass nor a failure).

/** Cores that others may keep busy while a limit on time is measured. */
const QUIET = 0.3

/** Collects the figures of one part, and tells each as it comes. */
export class Figures {
  list = []
  #tell
  constructor(tell) {
    this.#tell = tell
  }

  #add(figure) {
    this.list.push(figure)
    this.#tell(figure)
  }

  /**
   * A figure with a limit.
   *
   * @param {string} name what was measured
   * @param {unknown} value number, text or object
   * @param {{ limit: string, ok: boolean, unit?: string, note?: string, timing?: boolean }} held `timing`: a limit on time, which
   *   holds for a machine that nobody else uses
   */
  held(name, value, { limit, ok, unit, note, timing }) {
    this.#add({ name, value, unit, limit, state: ok ? 'pass' : 'fail', note, timing })
  }

  /** A figure of which nothing was promised. */
  seen(name, value, { unit, note } = {}) {
    this.#add({ name, value, unit, state: 'figure', note })
  }

  skipped(name, note) {
    this.#add({ name, state: 'skipped', note })
  }
}

/** Limits on time that were measured beside others' work say so. */
export function judged(figures, foreign) {
  if (!(foreign > QUIET)) return figures
  return figures.map((figure) =>
    figure.timing && (figure.state === 'pass' || figure.state === 'fail')
      ? { ...figure, state: 'loaded', held: figure.state === 'pass' }
      : figure,
  )
}

export function counts(parts) {
  const all = parts.flatMap(({ figures }) => figures)
  const of = (state) => all.filter((figure) => figure.state === state).length
  const failed = of('fail') + parts.filter(({ problem }) => problem !== undefined).length
  const text = `${of('pass')} passed, ${failed} FAILED, ${of('loaded')} measured under load, ${of('skipped')} skipped, ${of('figure')} figures`
  return { text, failed }
}

const shown = (value) => {
  if (value === undefined) return ''
  if (typeof value === 'number')
    return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(3)))
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The figures as a table of Markdown. */
export function table(parts) {
  const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ')
  const rows = parts.flatMap(({ part, figures, problem }) => [
    ...figures.map(({ name, value, unit, limit, state, note }) => {
      const said = [shown(value) + (unit ? ` ${unit}` : ''), note].filter((text) => text).join('; ')
      return `| ${part} | ${cell(name)} | ${cell(said)} | ${cell(limit ?? '')} | ${state === 'fail' ? 'FAILED' : state} |`
    }),
    ...(problem === undefined
      ? []
      : [`| ${part} | the part itself | ${cell(problem.split('\n')[0])} | ends by itself | FAILED |`]),
  ])
  return ['| part | what | figure | limit | |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}
