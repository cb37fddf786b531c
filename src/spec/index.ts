/**
 * Specs: the plain frozen JSON values that describe energies, samplers, objectives and the rest.
 * A kind is defined by one defineSpec() call in one file of its module.
 */
export { bordersBelow, columnsField, regionField } from './columns.js'
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
} from './define.js'
export { checkLadder, FAMILY_MARK, field, ladderField, NUMBER_MARK, refuse, specOf } from './fields.js'
export { requireOneOf, requireOptions } from './known.js'
export { freeze, invalid, isHandle, toPlain } from './plain.js'
export { specSchema } from './schema.js'
export { hint, nearest } from './suggest.js'
