// The tarball as tools read it: publint, are-the-types-wrong, the size of what is installed.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { stateDirectory } from '../../setup/paths.mjs'
import { must, root, tool } from '../support.mjs'

/** Problems publint finds in the tarball; its suggestions count too. */
export async function publint({ tarballs }) {
  for (const path of Object.values(tarballs))
    await must(process.execPath, [tool('publint/src/cli.js'), path, '--strict', '--pack', 'false'])
  return 'no problem, no suggestion'
}

/** Types under node16 and nodenext (import and require) and with a bundler. The package is ESM only, which `require` of Node >= 20.19 loads. */
export async function attw({ tarballs }) {
  const cli = tool('@arethetypeswrong/cli/dist/index.js')
  await must(process.execPath, [cli, tarballs.main, '--profile', 'esm-only', '--format', 'table-flipped'])
  return 'profile esm-only: no problem'
}

/** Bytes of files below a folder. */
export function bytesBelow(folder) {
  let sum = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name)).size
  return sum
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`

/** Sizes of the tarballs and of what is installed. */
export async function sizes({ tarballs, project }) {
  const modules = join(project.folder, 'node_modules')
  const main = join(modules, 'langevin')
  const platform = join(modules, '@langevin')
  return [
    `tarball langevin ${megabytes(statSync(tarballs.main).size)} (unpacked ${megabytes(bytesBelow(main))})`,
    `tarball platform ${megabytes(statSync(tarballs.platform).size)} (unpacked ${megabytes(bytesBelow(platform))})`,
    `node_modules ${megabytes(bytesBelow(modules))}`,
    `LibTorch with its Python environment ${megabytes(bytesBelow(join(stateDirectory(root), 'venv')))}`,
  ].join('; ')
}
