/** What the server tells the page: the data of its events and answers. */

/** One line of the table of runs. */
export interface RunSummary {
  id: string
  state: string
  /** Trained by the process that serves the page: it takes orders. */
  own: boolean
  step: number
  steps: number | null
  loss: number | null
  seconds: number | null
  stepsPerSecond: number | null
  /** ISO 8601. */
  started: string
  objective: string
  findings: number | null
}

/** Event `hello`, first on every connection. */
export interface Hello {
  version: string
  folder: string
  /** Charts in their order, each with the monitors it shows. */
  plots: { title: string; log: boolean; monitors: string[]; guide: number | null }[]
  meanings: Record<string, string>
  palette: string[]
  /** The runs this connection follows. */
  following: string[]
}

/** Event `runs`: when something in the list has changed. */
export interface RunsMessage {
  runs: RunSummary[]
  others: { id: string; problem: string }[]
}

/**
 * Event `points`: measurements of one run. Those before `from` are what this page has been told with the same generation; with
 * another generation `from` is 0.
 */
export interface PointsMessage {
  run: string
  generation: number
  from: number
  /** By monitor, and `step`; null where a monitor was not measured. */
  columns: Record<string, (number | null)[]>
  /** The newest measurements, which are no point of their own yet. */
  tail: Record<string, number> | null
}

export interface FindingMessage {
  severity: 'error' | 'warning'
  code: string
  message: string
  remedy: string
}

/** Event `detail`: what there is to say of one run, when it has changed. */
export interface DetailMessage {
  run: string
  state: string
  own: boolean
  findings: FindingMessage[]
  /** What was looked at so far. */
  looked: string
  settings: Record<string, string>
  facts: Record<string, string>
  error: string | null
  /** How to go on with it on the command line, where it can be continued. */
  resume: string | null
  report: string | null
}

/** Answer of `picture`: two columns as a density, others as histograms of energies. */
export type Picture =
  | {
      kind: 'density'
      step: number
      names: [string, string]
      low: [number, number]
      high: [number, number]
      cells: number
      /** One byte per cell, row by row from the lowest y on, in base64: a number of `colours`. */
      shades: string
      colours: [number, number, number][]
      points: number[][]
    }
  | {
      kind: 'energies'
      step: number
      edges: number[]
      /** Rows in each bin, by what they are. */
      counts: Record<string, number[]>
    }

export type Action = 'pause' | 'resume' | 'checkpoint' | 'abort'

/** Answer of `command`. */
export interface CommandAnswer {
  ok: boolean
  message: string
}
