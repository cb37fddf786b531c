// node scripts/setup/load.mjs <addon>: loads an addon as the package does, in a process of its own: a broken one must not
// take set-up with it.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { libtorchOf, openLibtorch } from './addon.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const [addon] = process.argv.slice(2)
const { prefix, problem } = libtorchOf(addon, { root })
if (problem) throw new Error(problem)
if (prefix) openLibtorch(prefix)
createRequire(import.meta.url)(addon)
