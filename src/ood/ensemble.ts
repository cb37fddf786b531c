/** Fits the rounds of `detectors.ensemble`: which rows each trains on and holds out, and the energies its members need. */
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { invokeNow } from '../runtime/index.js'
import type { SpecValue } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import { defaultMembers, type denoisingScore, type ensemble } from './combined.js'
import { knn } from './detectors.js'
import { type Ladder, type LadderOptions, trainEnergy, trainLadder } from './ladder.js'

export type Ensemble = ReturnType<typeof ensemble>
export type DenoisingScore = ReturnType<typeof denoisingScore>

/** Held-out rows tell a mean and a standard deviation: more of them tell no more. */
const MOST_HELD_OUT = 5000
/** Fewer rows than this leave nothing to scale by. */
const LEAST_ROWS = 10

/** What a round trains on and what it holds out. */
export interface Round {
  train: Tensor
  heldOut: Tensor
}

export interface EnsemblePlan {
  /** The members, with as many neighbours as there are rows for. */
  members: SpecValue<'detector'>[]
  sets: Round[]
  dispose(): void
}

function roundOf(rows: Tensor, { heldOut: share, limit }: Ensemble, seed: number): Round {
  const n = rows.shape[0]!
  const aside = Math.max(2, Math.round(share * n))
  const sizes = [Math.min(limit, n - aside), Math.min(MOST_HELD_OUT, aside)]
  const parts = invokeNow<Tensor[]>('data.split', { n, sizes, seed })
  const [train, heldOut] = parts.map((part) => {
    const own = rows.index(part)
    part.dispose()
    return own
  })
  return { train: train!, heldOut: heldOut! }
}

/** @throws ERR_LANGEVIN_INVALID_OPTION for fewer than ten rows */
export function planEnsemble(rows: Tensor, spec: Ensemble, seed: number): EnsemblePlan {
  const n = rows.shape[0]!
  if (n < LEAST_ROWS) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `ood.fit: an ensemble is fitted to at least ${LEAST_ROWS} rows, there are ${n}; give more, or a single detector such as knn`,
    )
  }
  const sets = Array.from({ length: spec.rounds }, (_, k) => roundOf(rows, spec, seed * spec.rounds + k))
  const most = sets[0]!.train.shape[0]! - 1
  const members = (spec.members ?? defaultMembers(knn)).map(({ rows: _, ...member }) =>
    typeof member.k === 'number' ? { ...member, k: Math.min(member.k, most) } : member,
  ) as SpecValue<'detector'>[]
  const dispose = () => {
    for (const { train, heldOut } of sets) {
      train.dispose()
      heldOut.dispose()
    }
  }
  return { members, sets, dispose }
}

/** The one energy of a `denoisingScore`. */
export const trainScore = (rows: Tensor, spec: DenoisingScore, options: LadderOptions): Promise<Energy> =>
  trainEnergy(rows, spec.sigma, spec, options)

/** The energies of all members, round after round, into `own` as they are trained. */
export async function trainMembers(
  { members, sets }: EnsemblePlan,
  own: Energy[],
  options: LadderOptions,
): Promise<void> {
  const jobs = sets.flatMap(({ train }) => members.map((member) => ({ train, member })))
  const trained = jobs.filter(({ member: { kind } }) => kind === 'denoisingScore' || kind === 'energyLadder')
  for (const [k, { train, member }] of trained.entries()) {
    const onProgress = (done: number) => options.onProgress?.((k + done) / trained.length)
    const how = { ...options, seed: options.seed * trained.length + k, onProgress }
    if (member.kind === 'denoisingScore') own.push(await trainScore(train, member as DenoisingScore, how))
    else own.push(...(await trainLadder(train, member as Ladder, how)))
  }
}
