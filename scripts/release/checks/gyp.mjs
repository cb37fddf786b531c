// The sources with node-gyp's own flags instead of cmake-js's. No binding.gyp is kept: npm would run node-gyp by itself for it.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { libtorchFrom, writeRecord } from '../../setup/addon.mjs'
import { resolveLibtorch } from '../../setup/libtorch.mjs'
import { compilesAtOnce } from '../../setup/native.mjs'
import { bare, Failure, must, place, root, tool } from '../support.mjs'

/** A link to the checkout: the makefiles of gyp have no rule for a source that is outside of the project. */
const SOURCES = 'checkout'

/** The words of a compile command: quotes and backslashes as a shell reads them. */
function wordsOf(command) {
  return (command.match(/(?:\\.|"(?:\\.|[^"])*"|[^\s"\\])+/g) ?? []).map((word) =>
    word.replace(/\\(.)|"((?:\\.|[^"])*)"/g, (_, escaped, quoted) => escaped ?? quoted.replace(/\\(.)/g, '$1')),
  )
}

/** What a source needs of its compiler, beside gyp's own flags: folders, names, instructions and the rules of arithmetic. */
function needsOf(command) {
  const needs = { include_dirs: [], defines: [], cflags_cc: [] }
  const words = wordsOf(command)
  words.forEach((word, i) => {
    if (word === '-isystem') needs.include_dirs.push(words[i + 1])
    else if (word.startsWith('-I')) needs.include_dirs.push(word.slice(2))
    else if (word.startsWith('-D')) needs.defines.push(word.slice(2))
    else if (/^-m|^-f(fp-contract|no-trapping-math|no-math-errno|visibility)/.test(word)) needs.cflags_cc.push(word)
  })
  return needs
}

/** The sources of a CMake build by target (langevin_core, langevin_plain, langevin_binding, one per instruction set), with their needs. */
function targetsOf(commands) {
  const targets = new Map()
  for (const { command, file } of commands) {
    const name = / -o CMakeFiles\/([\w-]+)\.dir\//.exec(command)?.[1]
    if (!/^langevin_(core(_isa_\w+)?|plain|binding)$/.test(name ?? '') || file.includes('cmake_pch')) continue
    const target = targets.get(name) ?? { target_name: name, ...needsOf(command), sources: [] }
    target.sources.push(join(SOURCES, relative(root, file)))
    targets.set(name, target)
  }
  return [...targets.values()]
}

/** What gyp is told. It forbids exceptions and run-time type information by default, which LibTorch cannot do without. */
function bindingGyp(prefix) {
  const common = { 'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'] }
  const parts = targetsOf(JSON.parse(readFileSync(join(root, 'build/compile_commands.json'), 'utf8'))).map(
    (target) => ({
      ...common,
      ...target,
      type: 'static_library',
      cflags_cc: ['-std=c++20', ...target.cflags_cc],
    }),
  )
  const entry = parts.find(({ target_name }) => target_name === 'langevin_binding')
  const libraries = parts.filter((part) => part !== entry)
  const { type: _, ...addon } = entry
  return {
    targets: [
      ...libraries,
      {
        ...addon,
        target_name: 'langevin',
        dependencies: libraries.map(({ target_name }) => target_name),
        ldflags: ['-Wl,-z,nodelete'],
        libraries: [`-L${join(prefix, 'lib')}`, '-Wl,--no-as-needed', '-ltorch', '-ltorch_cpu', '-lc10'],
      },
    ],
  }
}

/** Compiles everything with node-gyp (as long as a whole build without precompiled headers), then runs the smoke suite on it. */
export async function gyp({ project }) {
  const nodedir = dirname(dirname(process.execPath))
  if (!existsSync(join(nodedir, 'include/node/common.gypi')))
    return { skipped: `the headers of Node.js are not in ${nodedir}/include/node, and node-gyp would download them` }
  const { prefix, version } = resolveLibtorch({ root })
  const folder = join(project.folder, 'gyp')
  mkdirSync(folder, { recursive: true })
  symlinkSync(root, join(folder, SOURCES))
  writeFileSync(join(folder, 'package.json'), '{ "name": "langevin-gyp", "gypfile": true }\n')
  writeFileSync(join(folder, 'binding.gyp'), JSON.stringify(bindingGyp(prefix), null, 2))
  const args = ['rebuild', '--directory', folder, '--nodedir', nodedir, '--jobs', compilesAtOnce()]
  await must(process.execPath, [tool('node-gyp/bin/node-gyp.js'), ...args], { minutes: 60 })
  const addon = join(folder, 'build/Release/langevin.node')
  writeRecord(addon, { libtorch: libtorchFrom(dirname(addon), { prefix, version }) })
  const env = bare({ LANGEVIN_CACHE: project.cache, LANGEVIN_ADDON: addon })
  const said = await must(process.execPath, [place('smoke.mjs', project.folder)], { cwd: project.folder, env })
  if (!said.includes('"libtorch"')) throw new Failure(said)
  return `compiled and loaded (${(readFileSync(addon).length / 1e6).toFixed(1)} MB)`
}
