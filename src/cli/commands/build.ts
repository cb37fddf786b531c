/** `langevin setup` and `langevin build`: LibTorch and the native addon. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { packageVersion } from '../../../scripts/setup/addon.mjs'
import { installedAsDependency, stateDirectory } from '../../../scripts/setup/paths.mjs'
import { candidates, packageRoot } from '../../native/load.js'
import { action, note, printJson } from '../support.js'

interface BuildOptions {
  libtorch?: string
  usePytorch?: boolean
  clean?: boolean
  json?: boolean
}

/** Runs scripts/setup.mjs; its progress goes to stderr. */
function runSetup(root: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${root}scripts/setup.mjs`, ...args], {
      env,
      stdio: ['ignore', 2, 2],
    })
    // Ctrl-C reaches the child by itself (same process group); it tidies up and its exit code is ours.
    const wait = () => undefined
    process.on('SIGINT', wait)
    child.on('error', reject)
    child.on('close', (status, signal) => {
      process.off('SIGINT', wait)
      resolve(signal ? 130 : (status ?? 1))
    })
  })
}

/** Removes what was built: in a checkout its build folder, in a cache the addons of this version and half-done builds of it. */
function removeBuilds(root: string, env: NodeJS.ProcessEnv): void {
  if (!installedAsDependency(root)) {
    rmSync(`${root}build`, { recursive: true, force: true })
    return
  }
  const state = stateDirectory(root, env)
  const addon = `addon-${packageVersion(root)}-`
  for (const name of existsSync(state) ? readdirSync(state) : []) {
    if (name.startsWith(addon) || name.startsWith(`build-${addon}`))
      rmSync(join(state, name), { recursive: true, force: true })
  }
}

async function provide(options: BuildOptions, args: readonly string[]): Promise<void> {
  const root = packageRoot()
  const env = { ...process.env }
  if (options.libtorch) env.LIBTORCH = options.libtorch
  if (options.usePytorch) {
    env.LIBTORCH_USE_PYTORCH = '1'
    delete env.LIBTORCH
  }
  if (options.clean) removeBuilds(root, env)
  const status = await runSetup(root, args, env)
  const { LANGEVIN_ADDON: _, ...plain } = env
  const [{ path: addon } = { path: undefined }] = candidates(root, plain)
  if (options.json) printJson({ ok: status === 0, addon })
  else if (status === 0) note(`ready: ${addon}`)
  process.exitCode = status
}

const withLibtorch = (command: Command): Command =>
  command
    .option('--libtorch <folder>', 'use this LibTorch (as LIBTORCH=<folder>)')
    .addOption(
      new Option('--use-pytorch', 'use the PyTorch of python3 (as LIBTORCH_USE_PYTORCH=1)').conflicts('libtorch'),
    )

/** `langevin setup`: LibTorch, and the addon of the platform's package or one compiled here. */
export function registerSetup(program: Command): void {
  const command = withLibtorch(
    program
      .command('setup')
      .description('find or install LibTorch; take the prebuilt addon, or build one; skips what is up to date'),
  )
    .option('--json', 'print { ok, addon } as JSON when done')
    .addHelpText('after', '\nExamples:\n  npx langevin setup\n  LANGEVIN_CACHE=/srv/langevin npx langevin setup')
  action(command, (options: BuildOptions) => provide(options, []))
}

/** `langevin build`: LibTorch, and the addon compiled here. */
export default function register(program: Command): void {
  const command = withLibtorch(
    program
      .command('build')
      .description('find or install LibTorch and compile the native addon; skips what is up to date'),
  )
    .option('--clean', 'start from an empty build folder')
    .option('--json', 'print { ok, addon } as JSON when done')
    .addHelpText(
      'after',
      '\nExamples:\n  npx langevin build\n  npx langevin build --libtorch /opt/libtorch\n  npx langevin build --use-pytorch --clean',
    )
  const steps = ['packages', 'libtorch', 'native'].flatMap((step) => ['--only', step])
  action(command, (options: BuildOptions) => provide(options, ['--compile', ...steps]))
}
