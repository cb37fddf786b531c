/** What a run reports, by `type`. */

/** How far a run is. `Monitor`: numbers of training that come with it once they have been measured. */
export type ProgressEvent<Monitor extends string = never> = {
  readonly type: 'progress'
  /** Steps done, and all of them. */
  readonly step: number
  readonly steps: number
  readonly stepsPerSecond: number
  readonly seconds: number
  readonly secondsLeft: number
  /** Training. */
  readonly loss?: number
} & { readonly [M in Monitor]?: number }

/** An epoch of training is over: every row has been in a batch once more. At most 20 per second. */
export interface EpochEvent {
  readonly type: 'epoch'
  readonly epoch: number
  readonly step: number
  readonly loss: number
}

/** The run has reached a checkpoint; its file has been written where the run has a path. */
export interface CheckpointEvent {
  readonly type: 'checkpoint'
  readonly step: number
  readonly path?: string
}

/** Something is wrong with a run that goes on: a monitor has passed its limit, or the objective says so. */
export interface TrainWarning {
  /** Steps done when it was seen. */
  readonly step: number
  /** Which number says so: docs/reference/monitors.md lists them. */
  readonly monitor: string
  /** Stable name of what is wrong; the code of diagnose()'s finding. */
  readonly code: string
  /** 'error': the energy is not to be used. 'warning': it is biased or imprecise. */
  readonly severity: 'error' | 'warning'
  /** Mean of the monitor over a tenth of the run, or the one value the objective warned of. */
  readonly value: number
  /** The limit it passed; null where there is none (shortRun). */
  readonly limit: number | null
  /** What was seen. */
  readonly message: string
  /** What to change. Nothing is changed by itself. */
  readonly remedy: string
}

/** The same while the run goes on. */
export interface WarningEvent extends TrainWarning {
  readonly type: 'warning'
}

/** The last event. `error` is what `done` rejects with. */
export type EndEvent =
  | { readonly type: 'end'; readonly state: 'done' }
  | { readonly type: 'end'; readonly state: 'failed' | 'aborted'; readonly error: unknown }

/** What a run reports while it runs: docs/runs.md. */
export type RunEvent<Monitor extends string = never> =
  | ProgressEvent<Monitor>
  | EpochEvent
  | CheckpointEvent
  | WarningEvent
  | EndEvent
