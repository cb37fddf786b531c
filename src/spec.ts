/**
 * Specs: the plain frozen JSON values that describe energies, samplers, objectives and the rest.
 * A kind is defined by one defineSpec() call in one file of its room.
 */
import './schedules.js'

export {
  type Definition,
  defineSpec,
  definitionOf,
  familyNames,
  kindsOf,
  namespaceOf,
  parseSpec,
  type SpecFactory,
  type SpecInfo,
  type SpecOf,
  type SpecValue,
  type Z,
} from './spec/define.js'
export { checkLadder, handleField, ladderField, scheduleField, specOf } from './spec/fields.js'
export { freeze, invalid, isHandle, toPlain } from './spec/plain.js'
export { specSchema } from './spec/schema.js'
export { hint, nearest } from './spec/suggest.js'
