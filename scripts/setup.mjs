#!/usr/bin/env node
// npm run setup: everything a fresh clone needs, in one idempotent script. Progress goes to stderr, what the commands write
// to setup.log beside the managed LibTorch; each step says why it is skipped. It imports nothing but Node's own modules,
// because it is what installs the rest.
//
//   node scripts/setup.mjs [--reference] [--compile] [--only packages|libtorch|native|typescript|reference]...
//
// --reference adds what the tests and `npm run reference` compare with (scripts/reference/requirements.txt); --compile builds
// the addon also where a package brings it.
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from './setup/arguments.mjs'
import { explainFailure, logTo, SetupError, say, stopChildren } from './setup/console.mjs'
import { managedTorch } from './setup/libtorch.mjs'
import { takeLock } from './setup/lock.mjs'
import { buildNative, willCompile } from './setup/native.mjs'
import { installPackages } from './setup/packages.mjs'
import { foreignCache, homeDirectory, installedAsDependency, SETUP, stateDirectory } from './setup/paths.mjs'
import { installReference } from './setup/reference.mjs'
import { checkTools } from './setup/tools.mjs'
import { buildTypeScript } from './setup/typescript.mjs'
import { provideLibtorch } from './setup/venv.mjs'

const STEPS = {
  packages: installPackages,
  libtorch: provideLibtorch,
  native: buildNative,
  typescript: buildTypeScript,
  reference: installReference,
}

function readSteps() {
  const { values } = commandLine(import.meta.url, {
    options: {
      only: { type: 'string', multiple: true },
      reference: { type: 'boolean', default: false },
      compile: { type: 'boolean', default: false },
    },
  })
  for (const name of values.only ?? []) {
    if (!(name in STEPS)) throw new SetupError(`unknown step "${name}"`, `use one of: ${Object.keys(STEPS).join(', ')}`)
  }
  const optional = (name) => name === 'reference' && !values.reference
  const steps = Object.keys(STEPS).filter((name) => values.only?.includes(name) ?? !optional(name))
  return { steps, compile: values.compile }
}

/** The folder of the lock, the log and what is built. */
function makeState(root, env) {
  const state = stateDirectory(root, env)
  const elsewhere = `LANGEVIN_CACHE=/a/folder/of/yours ${SETUP}`
  try {
    mkdirSync(state, { recursive: true, mode: installedAsDependency(root) ? 0o700 : 0o777 })
  } catch (error) {
    throw new SetupError(`${state} cannot be made: ${error.code}`, elsewhere)
  }
  const problem = installedAsDependency(root) ? foreignCache(state) : undefined
  if (problem) throw new SetupError(problem, elsewhere)
  return state
}

/** Whether a Python environment has to be made: nothing names another LibTorch, and the managed one is not there. */
function needsPython(root, env) {
  if (env.LIBTORCH || env.LIBTORCH_USE_PYTORCH === '1') return false
  return !installedAsDependency(root) || !managedTorch(join(homeDirectory(root, env), 'venv'))
}

let release = () => {}
const interruption = new AbortController()

function onSignal(signal) {
  if (interruption.signal.aborted) {
    stopChildren('SIGKILL')
    release()
    process.exit(130)
  }
  interruption.abort()
  stopChildren(signal)
  say('stopped', `by ${signal}. No partial files are left; to continue: ${SETUP}`)
}

async function main() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const { steps, compile } = readSteps()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal)
  const env = process.env
  const compiler = await willCompile({ root, env, compile })
  await checkTools({ env, python: needsPython(root, env), compiler })
  const state = makeState(root, env)
  release = await takeLock(join(state, 'setup.lock'), { signal: interruption.signal })
  logTo(join(state, 'setup.log'))
  for (const name of steps) {
    if (interruption.signal.aborted) break
    await STEPS[name]({ root, env, compile })
  }
}

try {
  await main()
  if (interruption.signal.aborted) process.exitCode = 130
} catch (error) {
  if (!interruption.signal.aborted) explainFailure(error)
  process.exitCode = interruption.signal.aborted ? 130 : 1
} finally {
  release()
}
