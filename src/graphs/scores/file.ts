/** Fitted scores of nodes as safetensors files. */
import { LangevinError, shown } from '../../errors.js'
import { formatError } from '../../io/files.js'
import { safetensors } from '../../io/index.js'
import { kindsOf, parseSpec, type SpecValue } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'

/** Raised when a reader of today could not read a file of tomorrow. */
const VERSION = 1
const SCORE_KEY = 'langevin.nodeScore'
const FAMILY_KEY = 'langevin.family'

/** Tensors that fitting leaves, by kind: a file must hold these and no others. */
const STATES: Record<string, readonly (readonly string[])[]> = {
  gebm: [
    ['means', 'variances', 'distanceLow', 'distanceHigh', 'logitLow', 'logitHigh'],
    ['means', 'factors', 'distanceLow', 'distanceHigh', 'logitLow', 'logitHigh'],
  ],
  mahalanobis: [
    ['means', 'variances'],
    ['means', 'factors'],
  ],
}

export async function writeNodeScore(
  path: string,
  spec: SpecValue,
  state: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const metadata = { [FAMILY_KEY]: 'nodeScore', [SCORE_KEY]: JSON.stringify({ version: VERSION, score: spec }) }
  await safetensors.write(path, { ...state }, metadata)
}

function specIn(path: string, metadata: Record<string, string>): SpecValue {
  const text = metadata[SCORE_KEY]
  if (text === undefined) {
    const held = metadata[FAMILY_KEY] === undefined ? 'no score of nodes' : `a ${metadata[FAMILY_KEY]}`
    throw formatError(path, undefined, `the file holds ${held}; graph.load reads what a fitted score's save() wrote`)
  }
  let described: { version?: unknown; score?: unknown } | undefined
  try {
    described = JSON.parse(text)
  } catch (cause) {
    throw formatError(path, undefined, `'${SCORE_KEY}' in its metadata is not JSON`, cause)
  }
  const { version, score } = described ?? {}
  if (version !== VERSION) {
    const newer = typeof version === 'number' && version > VERSION
    throw formatError(
      path,
      undefined,
      `a score of version ${shown(version)}, this langevin reads version ${VERSION}${newer ? '; a newer langevin wrote it: update this one' : ''}`,
    )
  }
  try {
    return parseSpec('nodeScore', score)
  } catch (cause) {
    const kind = (score as { kind?: unknown } | undefined)?.kind
    throw formatError(
      path,
      undefined,
      `its metadata describes no score that this langevin knows ('${shown(kind)}'; known: ${kindsOf('nodeScore').join(', ')}): ${LangevinError.is(cause) ? cause.message : String(cause)}`,
      cause,
    )
  }
}

/** @throws (rejects) ERR_LANGEVIN_IO, _FORMAT */
export async function readNodeScore(path: string): Promise<{ spec: SpecValue; state: Record<string, Tensor> }> {
  const { tensors, metadata } = await safetensors.read(path)
  try {
    const spec = specIn(path, metadata)
    const names = Object.keys(tensors).sort()
    const fits = (STATES[spec.kind] ?? [[]]).some((wanted) => [...wanted].sort().join() === names.join())
    if (!fits) throw formatError(path, undefined, `a ${spec.kind} score is not made of the tensors ${names.join(', ')}`)
    return { spec, state: tensors }
  } catch (error) {
    for (const each of Object.values(tensors)) each.dispose()
    throw error
  }
}
