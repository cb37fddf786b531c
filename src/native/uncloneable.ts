/** Keeps native objects out of structuredClone and postMessage, which would make empty objects of them. */

/**
 * Value of an own, enumerable property of every object that is more than its properties. The structured clone algorithm
 * skips private fields and reads no prototype, so it gives `{}`; at a symbol it stops with a DataCloneError, whose message is
 * the description.
 */
export const UNCLONEABLE: unique symbol = Symbol(
  'an object of langevin lives in native memory: send toTypedArray() or toArray() of a Tensor, or the path of a file that save() wrote, and make it anew; it',
) as never
