/** `langevin build`: finds or installs LibTorch and builds the native addon. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { packageRoot } from '../../native/load.js'
import { action, note, printJson } from '../support.js'

interface BuildOptions {
  libtorch?: string
  usePytorch?: boolean
  clean?: boolean
  json?: boolean
}

/** Runs scripts/setup.mjs, which also finds or provides LibTorch; its progress goes to stderr. */
function runSetup(root: string, env: NodeJS.ProcessEnv): Promise<number> {
  const steps = ['packages', 'libtorch', 'native'].flatMap((step) => ['--only', step])
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${root}scripts/setup.mjs`, ...steps], {
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

/** `langevin build`: LibTorch and the native addon. */
export default function register(program: Command): void {
  const command = program
    .command('build')
    .description('find or install LibTorch and build the native addon; skips what is up to date')
    .option('--libtorch <folder>', 'use this LibTorch (as LIBTORCH=<folder>)')
    .addOption(
      new Option('--use-pytorch', 'use the PyTorch of python3 (as LIBTORCH_USE_PYTORCH=1)').conflicts('libtorch'),
    )
    .option('--clean', 'start from an empty build folder')
    .option('--json', 'print { ok, addon } as JSON when done')
    .addHelpText(
      'after',
      '\nExamples:\n  npx langevin build\n  npx langevin build --libtorch /opt/libtorch\n  npx langevin build --use-pytorch --clean',
    )
  action(command, async (options: BuildOptions) => {
    const root = packageRoot()
    const env = { ...process.env }
    if (options.libtorch) env.LIBTORCH = options.libtorch
    if (options.usePytorch) {
      env.LIBTORCH_USE_PYTORCH = '1'
      delete env.LIBTORCH
    }
    if (options.clean) rmSync(`${root}build`, { recursive: true, force: true })
    const status = await runSetup(root, env)
    const addon = `${root}build/Release/langevin.node`
    if (options.json) printJson({ ok: status === 0, addon })
    else if (status === 0) note(`ready: ${addon}`)
    process.exitCode = status
  })
}
