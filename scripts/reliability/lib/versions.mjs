// What was measured: versions of everything that computes and of what the parts use.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FROM_PACKAGES = ['fastify', 'autocannon', 'fast-check', 'hyparquet']

/** In a process of its own: this command itself opens no addon. */
function native(root) {
  const script = `import { versions } from ${JSON.stringify(join(root, 'dist/index.js'))}; console.log(JSON.stringify(versions()))`
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }))
}

/** @param {string} root the package's folder */
export function versionsHere(root) {
  const packages = FROM_PACKAGES.map((name) => {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
    return [name, version]
  })
  return { ...native(root), ...Object.fromEntries(packages) }
}
