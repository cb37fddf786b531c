// What the release checks share: the tools, commands, and an empty project with the packed tarballs in it.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { managedTorch, resolveLibtorch } from '../setup/libtorch.mjs'
import { PINNED_LIBTORCH, stateDirectory } from '../setup/paths.mjs'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const here = fileURLToPath(new URL('.', import.meta.url))
/** Where the tools are, and the npm cache that the project is installed from without a network. */
export const workshop = join(stateDirectory(root), 'release')

/** A check that did not hold. */
export class Failure extends Error {}

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, minutes?: number }} [options] env: the whole environment
 * @returns {Promise<{ status: number, stdout: string, stderr: string }>}
 */
export function run(command, args, { cwd = root, env = process.env, minutes = 10 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: minutes * 60_000 })
    const out = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      out.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      out.stderr += chunk
    })
    child.on('error', (error) => resolve({ status: 127, ...out, stderr: error.message }))
    child.on('close', (status) => resolve({ status: status ?? 1, ...out }))
  })
}

/** As `run`, and throws a Failure with what the command wrote unless it succeeds. @returns {Promise<string>} its stdout */
export async function must(command, args, options) {
  const { status, stdout, stderr } = await run(command, args, options)
  if (status === 0) return stdout
  throw new Failure(`${[command, ...args].join(' ')}: exit ${status}\n${`${stdout}\n${stderr}`.trim().slice(-3000)}`)
}

/** The environment of somebody who has just come: no variables of ours, no compiler by its usual names. */
export function bare(more = {}) {
  const { PATH, HOME } = process.env
  return { PATH, HOME, CXX: '/no/compiler', npm_config_update_notifier: 'false', ...more }
}

/** Installs the tools once for a content of tools/package.json. */
export async function installTools() {
  const wanted = readFileSync(join(here, 'tools/package.json'), 'utf8')
  const mark = join(workshop, 'tools.json')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return
  mkdirSync(workshop, { recursive: true })
  writeFileSync(join(workshop, 'package.json'), wanted)
  await must('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: workshop })
  writeFileSync(mark, wanted)
}

/** Installs packages into a project of a check, beside what it has. */
export const userTools = (folder, packages) =>
  must('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...packages], {
    cwd: folder,
    env: bare(),
    minutes: 30,
  })

/** A file of an installed tool. */
export const tool = (path) => join(workshop, 'node_modules', path)

/** Node.js of the three lines that are supported, oldest first: [version line, executable]. */
export const nodes = () => ['20', '22', '24'].map((line) => [line, tool(`node-${line}/bin/node`)])

/** npm's client when there is no network: proxies that lead nowhere, its own cache, and lock files that say where packages are. */
const offline = () => ({
  npm_config_cache: join(workshop, 'npm-cache'),
  npm_config_omit_lockfile_registry_resolved: 'false',
  http_proxy: 'http://127.0.0.1:9',
  https_proxy: 'http://127.0.0.1:9',
})

/**
 * An empty project with the tarballs installed without a network, from an npm cache that an online installation filled.
 *
 * @param {{ main: string, platform: string }} tarballs
 * @param {{ folder: string, prebuilt?: boolean }} options prebuilt false: without the platform's package
 */
export async function installProject(tarballs, { folder, prebuilt = true }) {
  const files = prebuilt ? [tarballs.main, tarballs.platform] : [tarballs.main]
  const install = (at, env, more = []) => {
    rmSync(at, { recursive: true, force: true })
    mkdirSync(at, { recursive: true })
    writeFileSync(join(at, 'package.json'), '{ "name": "app", "private": true }\n')
    return must('npm', ['install', '--no-audit', '--no-fund', ...more, ...files], { cwd: at, env: bare(env) })
  }
  await install(join(workshop, 'online'), { npm_config_cache: offline().npm_config_cache })
  rmSync(join(workshop, 'online'), { recursive: true })
  await install(folder, offline(), ['--offline'])
}

/** `npm ci` in a project, without a network. */
export const reinstall = (folder) =>
  must('npm', ['ci', '--offline', '--no-audit', '--no-fund'], { cwd: folder, env: bare(offline()) })

/** Fills a cache as the download of LibTorch does, by a link to this checkout's. */
export function fillCache(cache) {
  const venv = join(stateDirectory(root), 'venv')
  if (!managedTorch(venv)) {
    const { source } = resolveLibtorch({ root })
    throw new Failure(`the check needs the managed LibTorch (npm run setup); this checkout uses ${source}`)
  }
  const home = join(cache, `libtorch-${PINNED_LIBTORCH}`)
  rmSync(cache, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  symlinkSync(venv, join(home, 'venv'))
}

/** Copies a fixture beside a project's package.json. */
export function place(name, folder, as = name) {
  cpSync(join(here, 'fixtures', name), join(folder, as), { recursive: true })
  return join(folder, as)
}
