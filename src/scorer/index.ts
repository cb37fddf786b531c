/** langevin/scorer: energies and detectors that were exported, evaluated without LibTorch by a small addon of its own. */
import { LangevinError } from '../errors.js'
import { decode, readSafetensorsSync } from '../io/safetensors.js'
import { parseSafetensors } from '../io/safetensors-format.js'
import { instructionSet, nativeEngine } from './native.js'
import { scorerFileOf } from './read.js'
import { Scorer } from './scorer.js'

export * from './exports.js'

const BYTES = 'the bytes'

/**
 * Loads what `model.exportScorer(path)` or `detector.exportScorer(path)` wrote. Nothing of LibTorch is opened.
 *
 * @param source the path of a file, or its bytes
 * @throws ERR_LANGEVIN_IO, _FORMAT (no scorer file, a newer version, a damaged or unsound one), _NATIVE_LOAD, _UNSUPPORTED (an
 *   operation without kernels)
 */
export function loadScorer(source: string | Uint8Array): Scorer {
  if (typeof source !== 'string' && !(source instanceof Uint8Array))
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'loadScorer takes the path of a file, or its bytes')
  const file =
    typeof source === 'string'
      ? scorerFileOf(source, readSafetensorsSync(source))
      : scorerFileOf(BYTES, parseSafetensors(BYTES, source, decode))
  return new Scorer(
    file,
    file.models.map(({ program }) => nativeEngine(program)),
    instructionSet(file.models[0]!.program.wide),
  )
}
