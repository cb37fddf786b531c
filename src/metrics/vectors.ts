/** Numbers that metrics take, as float64 tensors for one call. */
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'

/**
 * Turns the named arguments into tensors, calls `body`, and frees those that were made for the call. Metrics compute in float64;
 * numbers of nested arrays enter as such, those of a typed array or a Tensor in their dtype.
 */
export function withDoubles<T>(given: Record<string, RowsLike>, body: (tensors: Record<string, Tensor>) => T): T {
  const tensors: Record<string, Tensor> = {}
  const free = () => {
    for (const [name, made] of Object.entries(tensors)) if (made !== given[name]) made.dispose()
  }
  try {
    for (const [name, value] of Object.entries(given)) {
      tensors[name] = toRows(value, name)
    }
    // A queued call holds its tensors itself once it is submitted, so they may be freed at once.
    return body(tensors)
  } finally {
    free()
  }
}
