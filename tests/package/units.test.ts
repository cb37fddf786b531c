// Files of a folder are compiled several at a time: which file goes into which unit, and that files keep names to
// themselves that their neighbours do not use.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const exec = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

describe('cmake/units.cmake', () => {
  let project = ''
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'langevin-units-'))
    for (const folder of ['many', 'few/deep']) mkdirSync(join(project, 'native', folder), { recursive: true })
    for (let i = 0; i < 10; i++) write(`many/file${i}.cpp`)
    write('few/deep/alone.cpp')
    writeFileSync(
      join(project, 'CMakeLists.txt'),
      `cmake_minimum_required(VERSION 3.25)
project(units LANGUAGES CXX)
include(${root}/cmake/units.cmake)
file(GLOB_RECURSE sources native/*.cpp)
add_library(kept STATIC \${sources})
langevin_group_sources(kept 4)
`,
    )
  })
  afterEach(() => rmSync(project, { recursive: true, force: true }))

  const write = (name: string) => writeFileSync(join(project, 'native', name), '')

  /** The names of the files in every unit, by the unit's name. */
  async function units(...options: string[]): Promise<Record<string, string[]>> {
    const out = join(project, 'out')
    rmSync(out, { recursive: true, force: true })
    await exec('cmake', ['-G', 'Ninja', '-S', project, '-B', out, ...options])
    const folder = join(out, 'CMakeFiles/kept.dir/Unity')
    if (!existsSync(folder)) return {}
    return Object.fromEntries(
      readdirSync(folder).map((unit) => [
        unit.replace(/^unity_|_cxx\.cxx$/g, ''),
        [...readFileSync(join(folder, unit), 'utf8').matchAll(/#include "(.*)"/g)].map(([, path]) => path ?? ''),
      ]),
    )
  }

  it('puts every file in one unit, with files of its folder alone', async () => {
    const found = await units()
    expect(Object.keys(found).every((unit) => /^(many_[0-2]|few_deep_0)$/.test(unit))).toBe(true)
    expect(
      Object.values(found)
        .flat()
        .map((path) => basename(path))
        .sort(),
    ).toEqual(['alone.cpp', ...Array.from({ length: 10 }, (_, i) => `file${i}.cpp`)].sort())
    for (const [unit, paths] of Object.entries(found)) {
      for (const path of paths)
        expect(unit).toMatch(new RegExp(`^${basename(dirname(path)) === 'many' ? 'many' : 'few_deep'}_`))
    }
  })

  it('lets a new file change one unit', async () => {
    const before = await units()
    write('many/new.cpp')
    const after = await units()
    const changed = Object.keys(after).filter((unit) => after[unit]?.join() !== before[unit]?.join())
    expect(changed).toHaveLength(1)
  })

  it('compiles every file by itself when LANGEVIN_UNITS is OFF', async () => {
    expect(await units('-DLANGEVIN_UNITS=OFF')).toEqual({})
  })
})

/** What a source defines in its anonymous namespaces: functions, constants, types. clang-format puts each in the first column. */
function namesOf(source: string): Set<string> {
  const names = new Set<string>()
  let inside = false
  for (const line of source.split('\n')) {
    if (line === 'namespace {') inside = true
    else if (line.startsWith('}  // namespace')) inside = false
    else if (inside && /^[a-zA-Z[]/.test(line)) {
      const type = /^(?:template <.*> )?(?:struct|class|enum(?: class)?|using) (\w+)(?!:|\w)/.exec(line)
      const constant = /^(?:inline )?(?:static )?const(?:expr)? [\w:<>*]+ (\w+)(?:\[\])? ?[={(]/.exec(line)
      const callable = /^(?!using|namespace|static_assert)[\w:<>,*&[\] ]+?[ *&](\w+)\(/.exec(line)
      const name = (type ?? constant ?? callable)?.[1]
      if (name) names.add(name)
    }
  }
  return names
}

describe('names in anonymous namespaces', () => {
  it('are found', () => {
    const source = `namespace langevin {
namespace {

constexpr std::int64_t kRows = 64;  // at once
struct Part {
  int inner(int x);
};
[[noreturn]] void refuse(const std::string& wish) {
  other(wish);
}
template <class T>
const std::vector<T>& table() {
}
using Draw = ToyDraw;

}  // namespace

void shared(int x) {}
}  // namespace langevin
`
    expect([...namesOf(source)]).toEqual(['kRows', 'Part', 'refuse', 'table', 'Draw'])
  })

  // Files of a folder share translation units: the same name twice does not compile, or quietly becomes an overload.
  it('differ within a folder of native/core', () => {
    const clashes: string[] = []
    for (const entry of readdirSync(join(root, 'native/core'), { recursive: true, withFileTypes: true })) {
      // Instruction sets compile their files one at a time.
      if (!entry.isDirectory() || entry.name === 'isa') continue
      const folder = join(entry.parentPath, entry.name)
      const owner = new Map<string, string>()
      for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpp'))) {
        for (const name of namesOf(readFileSync(join(folder, file), 'utf8'))) {
          const first = owner.get(name)
          if (first)
            clashes.push(`${entry.name}: ${name} in ${first} and ${file}: give one of them a name that says what it is`)
          else owner.set(name, file)
        }
      }
    }
    expect(clashes).toEqual([])
  })
})
