// What the tests and `npm run reference` compare with: scikit-learn, NumPy, safetensors and onnx, in set-up's own environment
// beside torch. Building and running langevin needs none of it.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { output, say } from './console.mjs'
import { fingerprint, readStamp } from './hash.mjs'
import { homeDirectory } from './paths.mjs'
import { pipInstall } from './venv.mjs'

const REQUIREMENTS = 'scripts/reference/requirements.txt'

/**
 * Installs scripts/reference/requirements.txt into the managed environment, once per content of that file.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv }} context
 */
export async function installReference({ root, env = process.env }) {
  if (env.LIBTORCH_USE_PYTORCH === '1')
    return say('reference', `skipped: the python3 on PATH is asked for; it needs what ${REQUIREMENTS} names`)
  const venv = join(homeDirectory(root, env), 'venv')
  if (!existsSync(join(venv, 'bin/python')))
    return say('reference', 'skipped: there is no private Python environment (LIBTORCH is set)')
  const stamp = join(venv, 'langevin-reference.json')
  const wanted = fingerprint(root, [REQUIREMENTS])
  if (readStamp(stamp)?.requirements === wanted) return say('reference', `skipped: ${venv} holds ${REQUIREMENTS}`)
  // Without an index pip answers whether what is there satisfies the file, also offline.
  const check = ['-m', 'pip', 'install', '-q', '--no-index', '--disable-pip-version-check']
  const satisfied = await output(join(venv, 'bin/python'), [...check, '-r', join(root, REQUIREMENTS)])
  if (satisfied === undefined) {
    say('reference', `installing ${REQUIREMENTS} in ${venv} (about 90 MB to download, 0.3 GB on disk)`)
    await pipInstall(root, venv, 'reference', REQUIREMENTS, { command: 'node scripts/setup.mjs --reference' })
  }
  writeFileSync(stamp, JSON.stringify({ requirements: wanted }))
  return undefined
}
