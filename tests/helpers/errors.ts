/** What a call threw, for tests that look at code and message of an error. */
import { LangevinError } from '../../src/errors.js'

/** Whatever `body` throws; a body that throws nothing is a failure. */
export function thrown(body: () => unknown): unknown {
  try {
    body()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

function coded(error: unknown): LangevinError {
  if (error instanceof LangevinError) return error
  throw error
}

/** The LangevinError that `body` throws at once. */
export function refusal(body: () => unknown): LangevinError {
  return coded(thrown(body))
}

/** The LangevinError that `body` throws, at once or by the promise it returns. */
export async function rejection(body: () => unknown): Promise<LangevinError> {
  try {
    await body()
  } catch (error) {
    return coded(error)
  }
  throw new Error('nothing was thrown')
}
