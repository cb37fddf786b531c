/** The layers of the project and the modules inside each: what may include or import what. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import {
  besideFolder,
  circles,
  disorder,
  filesBelow,
  INCLUDE,
  type Layer,
  pastIndex,
  targetsIn,
  usesIn,
  withoutOpening,
} from '../helpers/modules.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Rule extends Layer {
  /** What an include or import of this layer must not name, and why. */
  forbidden: Array<[RegExp, string]>
}

/** The modules of each layer in their order; each uses earlier ones only. A new one gets its place there. */
const MODULES: Record<string, Record<string, string>> = JSON.parse(
  readFileSync(join(root, 'docs/modules.json'), 'utf8'),
)

const TORCH = /^(torch|ATen|c10|caffe2)\//
const RULES: Rule[] = [
  {
    layer: 'native/core',
    files: /\.(cpp|hpp|h|cu|cuh)$/,
    order: Object.keys(MODULES['native/core']!),
    forbidden: [
      [/^(napi|node_api|js_native_api|uv|v8|node)(-inl)?\.h$/, 'the core knows nothing of Node'],
      [/(^|\/)binding\//, 'the core lies below the binding'],
      [/(^|\/)tests\//, 'the core does not know its tests'],
    ],
  },
  {
    layer: 'native/binding',
    files: /\.(cc|cpp|hpp|h)$/,
    forbidden: [
      [TORCH, 'the binding sees no Torch header'],
      [/base\/(torch|tensor)\.hpp$/, 'these headers of the core include Torch'],
      [/(^|\/)tests\//, 'the binding does not know its tests'],
    ],
  },
  {
    layer: 'native/scorer',
    files: /\.(cc|cpp|hpp|h)$/,
    forbidden: [
      [TORCH, 'the scorer runs without LibTorch'],
      [/(^|\/)tests\//, 'the scorer does not know its tests'],
    ],
  },
  {
    layer: 'src',
    files: /\.ts$/,
    order: Object.keys(MODULES.src!),
    byIndex: ['doctor', 'tensor', 'runtime', 'spec', 'schedules', 'training', 'diagnose'],
    forbidden: [
      [/(^|\/)(tests|examples|build|dist)\//, 'the package works without its tests, examples and outputs'],
      [/^(vitest|fast-check|typescript|typedoc)/, 'users do not install the development packages'],
    ],
  },
]

/** Every include or import that goes up, as `file: target (why)`. */
function violations(at: string): string[] {
  const found: string[] = []
  for (const { layer, files, forbidden } of RULES) {
    for (const file of filesBelow(join(at, layer)).filter((name) => files.test(name))) {
      for (const target of targetsIn(file, readFileSync(file, 'utf8'))) {
        for (const [pattern, why] of forbidden) {
          if (pattern.test(target)) found.push(`${relative(at, file)}: ${target} (${why})`)
        }
      }
    }
  }
  return found
}

/** Torch headers that files reach through headers of the core. */
function torchReachedFrom(at: string, files: readonly string[]): string[] {
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
  for (const file of files) visit(file, [])
  return reached
}
const torchReachedFromBinding = (at: string) => torchReachedFrom(at, filesBelow(join(at, 'native/binding')))

describe('the three layers', () => {
  it('include and import downward only', () => {
    expect(violations(root)).toEqual([])
  })

  it('keep Torch headers out of everything the binding includes', () => {
    expect(torchReachedFromBinding(root)).toEqual([])
  })

  it('keep Torch headers out of everything the scorer is made of', () => {
    const list = readFileSync(join(root, 'cmake/plain.cmake'), 'utf8')
    const named = [...list.matchAll(/\b((?:base|kernels|program|executors\/cpu)\/\w+)/g)].map(
      ([, name]) => `${name}.cpp`,
    )
    const plain = filesBelow(join(root, 'native/core')).filter(
      (file) => named.some((name) => file.endsWith(name)) || /executors\/cpu\/tile_ops_\w+\.cpp$/.test(file),
    )
    expect(plain.length).toBeGreaterThan(10)
    const kernels = filesBelow(join(root, 'native/core/kernels/isa'))
    expect(torchReachedFrom(root, [...plain, ...kernels, ...filesBelow(join(root, 'native/scorer'))])).toEqual([])
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

describe('the modules of a layer', () => {
  it.each(RULES)('of $layer are used in one order', (rule) => {
    expect(disorder(root, rule)).toEqual([])
  })

  it.each(RULES)('of $layer have no circle of files', (rule) => {
    expect(circles(usesIn(root, rule))).toEqual([])
  })

  it.each(RULES)('of $layer have one place each', (rule) => {
    expect([...besideFolder(root, rule), ...pastIndex(root, rule)]).toEqual([])
  })
})

describe('the sources of src', () => {
  it('open with a sentence that says what they are for', () => {
    expect(withoutOpening(root, RULES.find(({ layer }) => layer === 'src')!)).toEqual([])
  })
})

describe('the check itself', () => {
  const made: string[] = []
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true })
  })

  function project(files: Record<string, string>): string {
    const at = mkdtempSync(join(tmpdir(), 'langevin-layers-'))
    made.push(at)
    for (const { layer } of RULES) mkdirSync(join(at, layer), { recursive: true })
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
    expect(violations(project({ [path]: text }))).toHaveLength(1)
  })

  it('follows headers to Torch', () => {
    const at = project({
      'native/binding/a.cc': '#include "api.hpp"\n',
      'native/core/api.hpp': '#include "base/value.hpp"\n',
      'native/core/base/value.hpp': '#include <c10/core/Device.h>\n',
    })
    expect(torchReachedFromBinding(at)).toEqual([
      'native/binding/a.cc -> native/core/api.hpp -> native/core/base/value.hpp -> c10/core/Device.h',
    ])
  })

  const CPP: Layer = {
    layer: 'native/core',
    files: /\.(cpp|hpp)$/,
    order: ['base', 'samplers', 'samplers/cuda', 'api'],
  }
  const TS: Layer = { layer: 'src', files: /\.ts$/, order: ['spec', 'samplers', 'report'], byIndex: ['spec'] }

  it('names an import against the order and the remedy', () => {
    const at = project({
      'src/spec/index.ts': '',
      'src/samplers/x.ts': "import { a } from '../spec/index.js'\nimport type { b } from '../report/y.js'\n",
      'src/report/y.ts': "import '../samplers/x.js'\n",
    })
    expect(disorder(at, TS)).toEqual([
      "src/samplers/x.ts imports src/report/y.ts: 'report' comes after 'samplers'; move what both need to an earlier module of src",
    ])
    expect(circles(usesIn(at, TS))).toEqual(['src/report/y.ts -> src/samplers/x.ts -> src/report/y.ts'])
  })

  it('names an include against the order, from the root of the layer and from beside the file', () => {
    const at = project({
      'native/core/base/a.hpp': '#include "samplers/b.hpp"\n#include <vector>\n',
      'native/core/samplers/b.hpp': '#include "cuda/c.hpp"\n',
      'native/core/samplers/cuda/c.hpp': '#include "samplers/d.hpp"\n',
      'native/core/samplers/d.hpp': '',
      'native/core/api.cpp': '#include "base/a.hpp"\n',
    })
    expect(disorder(at, CPP)).toEqual([
      "native/core/base/a.hpp includes native/core/samplers/b.hpp: 'samplers' comes after 'base'; move what both need to an earlier module of native/core",
      "native/core/samplers/b.hpp includes native/core/samplers/cuda/c.hpp: 'samplers/cuda' comes after 'samplers'; move what both need to an earlier module of native/core",
    ])
    expect(circles(usesIn(at, CPP))).toEqual([])
  })

  it('asks for a place for every file, and for a file in every place', () => {
    const at = project({ 'src/spec/index.ts': '', 'src/samplers/x.ts': '', 'src/odd.ts': '' })
    expect(disorder(at, TS)).toEqual([
      'src/odd.ts is in no module: add its folder to "src" in docs/modules.json, where the order is',
      `src has no module 'report': take it out of "src" in docs/modules.json`,
    ])
  })

  it('finds a subject in two places', () => {
    const at = project({
      'src/spec.ts': '',
      'src/spec/index.ts': '',
      'src/spec/fields.ts': '',
      'src/samplers/x.ts': "import { a } from '../spec/fields.js'\n",
    })
    expect(besideFolder(at, TS)).toEqual(['src/spec.ts lies beside the folder src/spec/: move it into the folder'])
    expect(pastIndex(at, TS)).toEqual([
      'src/samplers/x.ts imports src/spec/fields.ts: import it from src/spec/index.ts',
    ])
  })

  it('finds a source without an opening sentence', () => {
    const at = project({
      'src/a.ts': "/** What a is for. */\nimport 'node:fs'\n",
      'src/b.ts': '/** What b is for. */\n\n/** One. */\nexport const one = 1\n',
      'src/c.ts': "import 'node:fs'\n",
      'src/d.ts': '/** One. */\nexport const one = 1\n',
    })
    expect(withoutOpening(at, TS)).toEqual(['src/c.ts', 'src/d.ts'])
  })
})
