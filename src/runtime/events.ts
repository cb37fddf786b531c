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

/** Something is wrong, and the run goes on; see TrainWarning. */
export interface WarningEvent {
  readonly type: 'warning'
  readonly step: number
  readonly monitor: string
  readonly code: string
  readonly severity: 'error' | 'warning'
  readonly value: number
  readonly limit: number | null
  readonly message: string
  readonly remedy: string
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
