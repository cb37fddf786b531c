/** What langevin/scorer and langevin/scorer/wasm export beside their loadScorer. */
export { type ErrorCode, LangevinError } from '../errors.js'
export type { ScorerRows } from './rows.js'
export {
  type EnergyScorerOptions,
  Scorer,
  type ScorerDecisions,
  type ScorerInfo,
  type ScorerOptions,
} from './scorer.js'
