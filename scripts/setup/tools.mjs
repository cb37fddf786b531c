// The tools a build needs, checked before anything is changed.
import { output, SetupError, say } from './console.mjs'

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} needed the oldest version that works
 * @property {string} [version] undefined when it is missing
 * @property {boolean} ok
 * @property {string} [aptPackage] the Debian or Ubuntu package that brings it
 * @property {string} [hint] what to do when apt's own version is too old
 */

/** Compares dotted versions. @param {string} version @param {string} oldest @returns {boolean} version >= oldest */
export function atLeast(version, oldest) {
  const left = version.split('.').map(Number)
  const right = oldest.split('.').map(Number)
  for (let i = 0; i < right.length; i++) {
    if ((left[i] ?? 0) !== right[i]) return (left[i] ?? 0) > right[i]
  }
  return true
}

const number = (text) => text && /\d+(\.\d+)+/.exec(text)?.[0]

/**
 * Looks at Node, Python, the compiler, CMake and Ninja.
 *
 * @param {{ env?: NodeJS.ProcessEnv, python?: boolean, compiler?: boolean }} [options] python false: no Python environment
 *   will be made; compiler false: nothing will be compiled
 * @returns {Promise<Tool[]>}
 */
export async function probeTools({ env = process.env, python = true, compiler: compiles = true } = {}) {
  const compiler = env.CXX || 'g++'
  const [cxx, cmake, ninja, ninjaBuild, py] = await Promise.all([
    output(compiler, ['-dumpfullversion', '-dumpversion'], { env }),
    output('cmake', ['--version'], { env }),
    output('ninja', ['--version'], { env }),
    output('ninja-build', ['--version'], { env }),
    output('python3', ['-c', 'import sys, venv, ensurepip; print(sys.version.split()[0])'], { env }),
  ])
  const tools = [
    tool('Node.js', process.versions.node, '20.19', undefined, 'install Node.js 20.19 or newer from nodejs.org'),
  ]
  const build = [
    tool(`compiler (${compiler})`, number(cxx), '12', 'g++', 'apt-get install -y g++-12 && export CXX=g++-12'),
    tool('CMake', number(cmake), '3.25', 'cmake', 'python3 -m pip install "cmake>=3.25" (in an environment on PATH)'),
    tool('Ninja', number(ninja ?? ninjaBuild), '1.10', 'ninja-build'),
  ]
  if (compiles) tools.push(...build)
  if (python)
    tools.push(tool('python3 with venv', py, '3.10', 'python3-venv', 'install Python 3.10 or newer as python3'))
  return tools
}

function tool(name, version, needed, aptPackage, hint) {
  return { name, version, needed, ok: version !== undefined && atLeast(version, needed), aptPackage, hint }
}

/**
 * What to say about tools that are missing or too old: one apt-get line for all missing ones.
 *
 * @param {Tool[]} tools
 * @param {boolean} asRoot
 * @returns {{ problem: string, remedy: string } | undefined} undefined when every tool is fine
 */
export function toolRemedy(tools, asRoot) {
  const bad = tools.filter((entry) => !entry.ok)
  if (bad.length === 0) return undefined
  const problem = bad
    .map(({ name, version, needed }) => (version ? `${name} ${version} is older than ${needed}` : `${name} is missing`))
    .join('; ')
  const packages = bad.filter(({ version, aptPackage }) => !version && aptPackage).map(({ aptPackage }) => aptPackage)
  const lines = bad.filter(({ version, hint }) => version && hint).map(({ hint }) => hint)
  if (packages.length > 0) lines.unshift(`${asRoot ? '' : 'sudo '}apt-get install -y ${packages.join(' ')}`)
  return { problem, remedy: lines.join('\n') }
}

/**
 * Throws SetupError when a tool is missing.
 *
 * @param {{ env?: NodeJS.ProcessEnv, python?: boolean, compiler?: boolean }} options
 */
export async function checkTools(options) {
  const tools = await probeTools(options)
  const trouble = toolRemedy(tools, process.getuid?.() === 0)
  if (trouble) throw new SetupError(trouble.problem, trouble.remedy)
  say('tools', tools.map(({ name, version }) => `${name} ${version}`).join(', '))
}
