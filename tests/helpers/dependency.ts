/** A project that depends on langevin, laid out as npm and set-up would, from the files of this checkout. */
import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, linkSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const at = (name: string) => new URL(`../../scripts/setup/${name}.mjs`, import.meta.url).href
const { addonFolder, PREBUILT, writeChoice, writeRecord, libtorchFrom, packageVersion } = await import(at('addon'))
const { managedTorch, resolveLibtorch } = await import(at('libtorch'))

const ADDON = join(root, 'build/Release/langevin.node')
/** The LibTorch of this checkout. */
export const libtorch = resolveLibtorch({ root }) as { prefix: string; version: string }

export interface Project {
  /** The project's folder. */
  app: string
  /** The package in its node_modules. */
  package: string
  cache: string
}

/** Lays the package (not its addon) into node_modules, as `npm ci` does each time anew. */
export function install(app: string): string {
  const target = join(app, 'node_modules/langevin')
  mkdirSync(target, { recursive: true })
  for (const folder of ['dist', 'scripts/setup', 'cmake'])
    cpSync(join(root, folder), join(target, folder), { recursive: true })
  for (const file of ['package.json', 'CMakeLists.txt', 'scripts/setup.mjs'])
    copyFileSync(join(root, file), join(target, file))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== 'langevin' && !name.startsWith('.'))
      symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name))
  }
  return target
}

/** A file of this checkout without its bytes a second time, where the file system allows. */
function place(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

/** Makes a project in `folder`; its cache holds a link to this checkout's LibTorch where set-up would install one. */
export function project(folder: string): Project {
  const app = join(folder, 'app')
  const cache = join(folder, 'cache')
  const target = install(app)
  const home = join(cache, `libtorch-${libtorch.version}`)
  mkdirSync(join(home, 'venv/lib/python3/site-packages'), { recursive: true })
  symlinkSync(libtorch.prefix, join(home, 'venv/lib/python3/site-packages/torch'))
  return { app, package: target, cache }
}

/** The LibTorch in a project's cache. */
export const cachedLibtorch = ({ cache }: Project): { version: string; prefix: string } => ({
  version: libtorch.version,
  prefix: managedTorch(join(cache, `libtorch-${libtorch.version}/venv`)),
})

/** Leaves what a finished build leaves: the addon, its record, and the choice. Returns the addon's path. */
export function addCompiled(made: Project): string {
  const env = { LANGEVIN_CACHE: made.cache }
  const folder = addonFolder(made.package, env, { version: libtorch.version })
  mkdirSync(folder, { recursive: true })
  const addon = join(folder, 'langevin.node')
  place(ADDON, addon)
  const found = cachedLibtorch(made)
  writeRecord(addon, { langevin: packageVersion(root), libtorch: libtorchFrom(folder, found) })
  writeChoice(made.package, env, { addon, libtorch: found })
  return addon
}

/** Leaves what npm leaves of the platform's package. Returns the addon's path. */
export function addPrebuilt(made: Project, version: string = packageVersion(root)): string {
  const folder = join(made.app, 'node_modules', PREBUILT)
  mkdirSync(folder, { recursive: true })
  const addon = join(folder, 'langevin.node')
  place(ADDON, addon)
  writeRecord(addon, { langevin: version, libtorch: { version: libtorch.version } })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  return addon
}

export interface Answer {
  code: number
  stdout: string
  stderr: string
}

/** Runs node in a project with nothing in the environment but PATH and what is given. */
export async function node(
  made: Project,
  args: readonly string[],
  env: NodeJS.ProcessEnv = { LANGEVIN_CACHE: made.cache },
  as: { uid?: number; gid?: number } = {},
): Promise<Answer> {
  const options = { cwd: made.app, env: { PATH: process.env.PATH, ...env }, ...as }
  try {
    return { code: 0, ...(await exec(process.execPath, [...args], options)) }
  } catch (error) {
    const { code, stdout, stderr } = error as Answer
    return { code, stdout, stderr }
  }
}

/** The energy of (3, 4) under (x, x) / 2, which is 12.5, and says which addon and LibTorch did it. */
export const USE = [
  '--input-type=module',
  '-e',
  `import { Energy, energies } from 'langevin'
import { dirname } from 'node:path'
import { readFileSync } from 'node:fs'
const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }))
const energy = (await model.energy([[3, 4]])).toArray()
const maps = readFileSync('/proc/self/maps', 'utf8').split('\\n').map((line) => line.slice(line.indexOf('/')))
const find = (name) => maps.find((path) => path.endsWith('/' + name))
console.log(JSON.stringify({ energy, addon: find('langevin.node'), libtorch: dirname(find('libtorch_cpu.so')) }))`,
]
