// src/ to dist/ by the TypeScript compiler.
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { run, SetupError, say } from './console.mjs'
import { filesBelow, fingerprint, readStamp } from './hash.mjs'
import { installedAsDependency, SETUP } from './paths.mjs'

// The package, and the scripts of its page, which run in a browser.
const PROJECTS = ['tsconfig.build.json', 'tsconfig.page.json']

/** Removes outputs whose source is gone: the compiler leaves them, and a package must not carry them. @param {string} root */
export function removeOrphans(root) {
  for (const file of filesBelow(join(root, 'dist'), ['.'])) {
    const source = file.replace(/\.(d\.ts|js\.map|js)$/, '.ts')
    if (source !== file && !existsSync(join(root, 'src', source))) rmSync(join(root, 'dist', file))
  }
}

/** @param {{ root: string }} context */
export async function buildTypeScript({ root }) {
  if (installedAsDependency(root)) return say('typescript', 'skipped: the package comes compiled')
  const require = createRequire(join(root, 'package.json'))
  const stamp = join(root, 'dist/langevin-stamp.json')
  const facts = { typescript: require('typescript/package.json').version }
  const wanted = fingerprint(root, ['src', 'tsconfig.json', ...PROJECTS], facts)
  if (readStamp(stamp)?.wanted === wanted) return say('typescript', 'skipped: dist/ is up to date')
  say('typescript', 'compiling src/ to dist/')
  rmSync(stamp, { force: true })
  for (const project of PROJECTS) {
    const { status, tail } = await run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', project], {
      cwd: root,
    })
    if (status !== 0)
      throw new SetupError('the TypeScript sources do not compile', `fix the errors above, then: ${SETUP}`, tail)
  }
  removeOrphans(root)
  const main = join(root, 'dist/cli/main.js')
  if (existsSync(main)) chmodSync(main, 0o755)
  writeFileSync(stamp, JSON.stringify({ wanted }))
  return undefined
}
