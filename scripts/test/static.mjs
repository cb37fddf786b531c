// Type check, biome, typedoc, clang-format: one result each.
import { join } from 'node:path'
import { filesBelow } from '../setup/hash.mjs'
import { capture } from './process.mjs'

/** Our C++ files. @param {string} root */
export function nativeFiles(root) {
  return filesBelow(root, ['native']).filter((file) => /\.(cpp|cc|hpp|h|cu|cuh)$/.test(file))
}

/** The clang-format to use, by its version; undefined when there is none. @param {string} root */
export async function clangFormatVersion(root) {
  const { status, text } = await capture('clang-format', ['--version'], { cwd: root, quiet: true })
  return status === 0 ? /version (\d+)/.exec(text)?.[1] : undefined
}

const one = (name, status, note) => ({ name, passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, note })

/** @param {string} root */
export async function runStatic(root) {
  // By path: not every package exports its command.
  const node = (script, args) => capture(process.execPath, [join(root, 'node_modules', script), ...args], { cwd: root })
  const results = []
  results.push(one('type check', (await node('typescript/bin/tsc', ['--noEmit'])).status))
  const page = await node('typescript/bin/tsc', ['-p', 'tsconfig.page.json', '--noEmit'])
  results.push(one('type check of the page', page.status))
  results.push(one('biome', (await node('@biomejs/biome/bin/biome', ['check', '.'])).status))
  results.push(one('typedoc', (await node('typedoc/bin/typedoc', ['--emit', 'none'])).status))
  const version = await clangFormatVersion(root)
  if (version === undefined) {
    results.push({ name: 'clang-format', passed: 0, failed: 0, note: 'skipped: apt-get install -y clang-format' })
  } else {
    const { status } = await capture('clang-format', ['--dry-run', '-Werror', ...nativeFiles(root)], { cwd: root })
    results.push(one('clang-format', status, `version ${version}`))
  }
  return results
}
