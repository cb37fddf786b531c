/**
 * Specs: the plain frozen JSON values that describe energies, samplers, objectives and the rest.
 * A kind is defined by one defineSpec() call in one file of its module.
 */
export { bordersBelow, columnsField, type Region, regionField } from './columns.js'
export {
  type Defined,
  type Definition,
  defineSpec,
  definitionOf,
  familyNames,
  kindsOf,
  loadZod,
  namespaceOf,
  type OfFamily,
  parseSpec,
  type SpecFactory,
  type SpecInfo,
  type SpecOf,
  type SpecValue,
  type Z,
} from './define.js'
export { checkLadder, FAMILY_MARK, field, type Ladder, ladderField, NUMBER_MARK, refuse, specOf } from './fields.js'
export { requireOneOf, requireOptions } from './known.js'
export { freeze, invalid, isHandle, safely, toPlain } from './plain.js'
export { specSchema } from './schema.js'
export { hint, nearest } from './suggest.js'
