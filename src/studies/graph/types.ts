/** Rows and settings of the graph study. */
import type { NetworkName, ShiftKind, ShiftName } from './names.js'

/** One score under one shift, of one network. */
export interface GraphRow {
  readonly graph: string
  readonly shift: ShiftName
  readonly score: string
  /** Which training nodes, from 0. */
  readonly split: number
  /** Which initial weights; for ensembles, of all seeds, the first. */
  readonly seed: number
  /** Chance that an out-of-distribution test node scores above an in-distribution one; ties count half. */
  readonly auroc: number
  /** Area under precision and recall (trapezoids), out-of-distribution positive. */
  readonly aupr: number
  /** Share of in-distribution test nodes whose class is right; of the mean of the samples for scores of samples. */
  readonly accuracy: number
  /** Expected calibration error on them, 20 bins. */
  readonly ece: number
}

/** A bin of a reliability diagram. */
export interface Bin {
  readonly count: number
  readonly accuracy: number
  readonly confidence: number
}

/** How sure a network was, and how often right, by bins of confidence, on in-distribution test nodes. */
export interface Reliability {
  readonly shift: ShiftName
  readonly softmax: readonly Bin[]
  readonly evidential: readonly Bin[]
}

/** The energies that are drawn on a graph. */
export interface Drawn {
  readonly shift: ShiftName
  /** Of every node. */
  readonly energy: readonly number[]
  /** 1 for out-of-distribution nodes. */
  readonly outOfDistribution: readonly (0 | 1)[]
}

/** What one trained network gave. */
export interface RunRecord {
  readonly graph: string
  readonly kind: ShiftKind
  readonly split: number
  /** -1: the ensemble of all seeds of a split. */
  readonly seed: number
  readonly rows: readonly GraphRow[]
  readonly reliability: readonly Reliability[]
  readonly drawn?: Drawn | undefined
  readonly epochs: number
  readonly seconds: number
}

/** What decides the numbers of a run: runs of other settings are not mixed. */
export interface StudySettings {
  readonly network: NetworkName
  readonly epochs: number
  readonly samples: number
  readonly leftOut: number | 'default'
  readonly seeds: readonly number[]
}
