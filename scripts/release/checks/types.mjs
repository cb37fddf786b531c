// A TypeScript file of a user, under each way of finding types that packages meet.
import { copyFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { must, place, root } from '../support.mjs'

const tsc = () => createRequire(join(root, 'package.json')).resolve('typescript/bin/tsc')

/** node16 and nodenext as ES modules, nodenext as CommonJS (require of ES modules), and bundler. */
export async function types({ project }) {
  const file = place('user.ts', project.folder, 'user.mts')
  copyFileSync(file, join(project.folder, 'user.cts'))
  const ways = [
    ['node16', 'node16', 'user.mts'],
    ['nodenext', 'nodenext', 'user.mts'],
    ['nodenext', 'nodenext', 'user.cts'],
    ['esnext', 'bundler', 'user.mts'],
  ]
  for (const [module, resolution, name] of ways) {
    const args = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,esnext.disposable', '--types', 'node']
    const typeRoots = ['--typeRoots', join(root, 'node_modules/@types')]
    await must(
      process.execPath,
      [tsc(), ...args, ...typeRoots, '--module', module, '--moduleResolution', resolution, name],
      { cwd: project.folder },
    )
  }
  return 'node16, nodenext (import, require), bundler; without skipLibCheck'
}
