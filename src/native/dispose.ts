/** Symbol.dispose and Symbol.asyncDispose, also where a realm has none. */

/**
 * Node gives these symbols to its main realm only: in Jest and in contexts of node:vm they may be missing, and what `using` is
 * compiled to stops there. Defined as polyfills define them; by this name, because code of Babel and esbuild looks for it.
 */
function defined(name: 'dispose' | 'asyncDispose'): void {
  if (Symbol[name] !== undefined) return
  Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) })
}
defined('dispose')
defined('asyncDispose')

export const DISPOSE: typeof Symbol.dispose = Symbol.dispose
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose
