/** The scorer's own addon, scorer.node: it lies beside the big one, and nothing of LibTorch is opened for it. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { LangevinError, messageOf } from '../errors.js'
import { translated } from '../native/call.js'
import { candidates, packageRoot, refusal } from '../native/load.js'
import type { Engine, LoadedProgram } from './engine.js'

/** What the addon's `contractVersion` must be: raised here and in native/scorer/addon.cc. */
const CONTRACT = 1

interface ScorerAddon {
  readonly contractVersion: number
  readonly Scorer: new (program: LoadedProgram) => Engine
  /** 'default', 'avx2', 'avx512' or 'avx512_bf16'. */
  /** wide: of float64, which has fewer sets. */
  instructionSet(wide: boolean): string
}

let loaded: ScorerAddon | undefined

function open(path: string): ScorerAddon | string {
  if (!existsSync(path)) return 'no such file'
  try {
    const addon = createRequire(import.meta.url)(path) as ScorerAddon
    if (addon.contractVersion === CONTRACT) return addon
    return `it has contract version ${String(addon.contractVersion)}, this package needs ${CONTRACT}`
  } catch (error) {
    return messageOf(error).split('\n')[0] as string
  }
}

/** @throws ERR_LANGEVIN_NATIVE_LOAD with every place that was tried */
function scorerAddon(): ScorerAddon {
  if (loaded) return loaded
  const root = packageRoot()
  const refused = refusal(root, process.env)
  if (refused) throw new LangevinError('ERR_LANGEVIN_NATIVE_LOAD', refused.problem)
  const tried: string[] = []
  for (const candidate of candidates(root)) {
    const path = join(dirname(candidate.path), 'scorer.node')
    const found = open(path)
    if (typeof found !== 'string') {
      loaded = found
      return found
    }
    tried.push(`${path}: ${found}`)
  }
  throw new LangevinError(
    'ERR_LANGEVIN_NATIVE_LOAD',
    `the scorer's addon could not be loaded. Tried:\n  - ${tried.join('\n  - ')}\nTo fix it: npx langevin build`,
    { details: { tried } },
  )
}

/** A program in the addon. @throws ERR_LANGEVIN_NATIVE_LOAD, _FORMAT (not sound), _UNSUPPORTED (no kernels) */
export function nativeEngine(program: LoadedProgram): Engine {
  const addon = scorerAddon()
  const scorer = translated(() => new addon.Scorer(program))
  return {
    energy: (...call) => translated(() => scorer.energy(...call)),
    score: (...call) => translated(() => scorer.score(...call)),
    dispose: () => scorer.dispose(),
  }
}

export const instructionSet = (wide: boolean): string => translated(() => scorerAddon().instructionSet(wide))
