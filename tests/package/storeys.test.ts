import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Rule {
  storey: string
  files: RegExp
  /** What an include or import of this storey must not name, and why. */
  forbidden: Array<[RegExp, string]>
}

const TORCH = /^(torch|ATen|c10|caffe2)\//
const RULES: Rule[] = [
  {
    storey: 'native/core',
    files: /\.(cpp|hpp|h|cu|cuh)$/,
    forbidden: [
      [/^(napi|node_api|js_native_api|uv|v8|node)(-inl)?\.h$/, 'the core knows nothing of Node'],
      [/(^|\/)binding\//, 'the core lies below the binding'],
      [/(^|\/)tests\//, 'the core does not know its tests'],
    ],
  },
  {
    storey: 'native/binding',
    files: /\.(cc|cpp|hpp|h)$/,
    forbidden: [
      [TORCH, 'the binding sees no Torch header'],
      [/base\/(torch|tensor)\.hpp$/, 'these headers of the core include Torch'],
      [/(^|\/)tests\//, 'the binding does not know its tests'],
    ],
  },
  {
    storey: 'src',
    files: /\.ts$/,
    forbidden: [
      [/(^|\/)(tests|examples|build|dist)\//, 'the package stands without its tests, examples and outputs'],
      [/^(vitest|fast-check|typescript|typedoc)/, 'development packages are not installed at the user'],
    ],
  },
]

const INCLUDE = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm
const IMPORT = /(?:^|\s)(?:import|export)\b[^'";]*?(?:from\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/gm

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Every include or import that goes up, as `file: target (why)`. */
function violations(at: string): string[] {
  const found: string[] = []
  for (const { storey, files, forbidden } of RULES) {
    for (const file of filesBelow(join(at, storey)).filter((name) => files.test(name))) {
      const text = readFileSync(file, 'utf8')
      for (const match of text.matchAll(storey === 'src' ? IMPORT : INCLUDE)) {
        const target = match[1] ?? match[2] ?? ''
        for (const [pattern, why] of forbidden) {
          if (pattern.test(target)) found.push(`${relative(at, file)}: ${target} (${why})`)
        }
      }
    }
  }
  return found
}

/** Torch headers a binding file reaches through headers of the core. */
function torchReachedFromBinding(at: string): string[] {
  const resolve = (from: string, target: string): string | undefined =>
    [dirname(from), join(at, 'native/core'), join(at, 'native/binding'), at]
      .map((folder) => join(folder, target))
      .find((path) => {
        try {
          return readFileSync(path) !== undefined
        } catch {
          return false
        }
      })
  const seen = new Set<string>()
  const reached: string[] = []
  const visit = (file: string, chain: string[]): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(INCLUDE)) {
      if (TORCH.test(target)) reached.push([...chain, relative(at, file), target].join(' -> '))
      const next = resolve(file, target)
      if (next) visit(next, [...chain, relative(at, file)])
    }
  }
  for (const file of filesBelow(join(at, 'native/binding'))) visit(file, [])
  return reached
}

describe('the three storeys', () => {
  it('include and import downward only', () => {
    expect(violations(root)).toEqual([])
  })

  it('keep Torch headers out of everything the binding includes', () => {
    expect(torchReachedFromBinding(root)).toEqual([])
  })

  it('have Torch and N-API only where they belong', () => {
    const binding = filesBelow(join(root, 'native/binding'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    const core = filesBelow(join(root, 'native/core'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    expect(binding).toMatch(/#include <napi\.h>/)
    expect(core).toMatch(/#include <ATen\/ATen\.h>/)
  })
})

describe('the check itself', () => {
  const made: string[] = []
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true })
  })

  function house(files: Record<string, string>): string {
    const at = mkdtempSync(join(tmpdir(), 'langevin-storeys-'))
    made.push(at)
    for (const { storey } of RULES) mkdirSync(join(at, storey), { recursive: true })
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(at, path)), { recursive: true })
      writeFileSync(join(at, path), text)
    }
    return at
  }

  it.each([
    ['native/core/a.cpp', '#include <napi.h>\n'],
    ['native/core/base/a.hpp', '#include "native/binding/job.h"\n'],
    ['native/binding/a.cc', '#  include <ATen/ATen.h>\n'],
    ['native/binding/a.cc', '#include "base/torch.hpp"\n'],
    ['src/a.ts', "import { x } from '../tests/helper.js'\n"],
    ['src/a.ts', "const x = await import('vitest')\n"],
    ['src/a.ts', "import {\n  a,\n} from '../tests/helper.js'\n"],
  ])('finds %s with %j', (path, text) => {
    expect(violations(house({ [path]: text }))).toHaveLength(1)
  })

  it('follows headers to Torch', () => {
    const at = house({
      'native/binding/a.cc': '#include "api.hpp"\n',
      'native/core/api.hpp': '#include "base/value.hpp"\n',
      'native/core/base/value.hpp': '#include <c10/core/Device.h>\n',
    })
    expect(torchReachedFromBinding(at)).toEqual([
      'native/binding/a.cc -> native/core/api.hpp -> native/core/base/value.hpp -> c10/core/Device.h',
    ])
  })
})
