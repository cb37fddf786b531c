/** Numbers that metrics take, as float64 tensors for one call. */
import { type RowsLike, Tensor, toRows } from '../tensor/index.js'

/**
 * Turns the named arguments into tensors, calls `body`, and frees those that were made for the call. Plain numbers enter
 * metrics as float64; a Tensor as it is.
 */
export function withDoubles<T>(given: Record<string, RowsLike>, body: (tensors: Record<string, Tensor>) => T): T {
  const tensors: Record<string, Tensor> = {}
  const free = () => {
    for (const [name, made] of Object.entries(tensors)) if (made !== given[name]) made.dispose()
  }
  try {
    for (const [name, value] of Object.entries(given)) {
      tensors[name] = value instanceof Tensor ? toRows(value, name) : toRows(value, name, 'float64')
    }
    // A queued call holds its tensors itself once it is submitted, so they may be freed at once.
    return body(tensors)
  } finally {
    free()
  }
}
