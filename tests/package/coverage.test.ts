/** Every kind is on both layers, in the tests and on the pages that speak of all kinds: docs/what-to-touch.md. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as langevin from '../../src/index.js'
import { familyNames, kindsOf, namespaceOf } from '../../src/spec/index.js'
import {
  bodyOf,
  dashed,
  type Exception,
  kindsAfter,
  kindsInRegistry,
  missing,
  specsIn,
  underscored,
  wordsInRow,
} from '../helpers/coverage.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Family {
  /** Its registry in the core. */
  registry: string
  /** Where a spec is defined and where it is listed, in src. */
  src: string
  index: string
  /** Its row in the features table of README.md. */
  row: string
}
const ownFiles = (folder: string) => ({ src: `src/${folder}/<kind>.ts`, index: `src/${folder}/factories.ts` })
const FAMILIES: Record<string, Family> = {
  energy: { registry: 'native/core/energies/registry.cpp', ...ownFiles('energies'), row: 'energies' },
  network: { registry: 'native/core/networks/registry.cpp', ...ownFiles('networks'), row: 'networks' },
  nodeNetwork: { registry: 'native/core/graphs/node_registry.cpp', ...ownFiles('networks'), row: 'node classifiers' },
  layer: {
    registry: 'native/core/networks/layers.cpp',
    src: 'src/networks/layers.ts',
    index: 'src/networks/layers.ts',
    row: 'networks',
  },
  sampler: { registry: 'native/core/samplers/registry.cpp', ...ownFiles('samplers'), row: 'samplers' },
  objective: { registry: 'native/core/objectives/registry.cpp', ...ownFiles('objectives'), row: 'objectives' },
  noise: { registry: 'native/core/noises/registry.cpp', ...ownFiles('noises'), row: 'noises' },
  perturbation: {
    registry: 'native/core/perturbations/registry.cpp',
    ...ownFiles('perturbations'),
    row: 'perturbations',
  },
  optimizer: { registry: 'native/core/optimizers/registry.cpp', ...ownFiles('optimizers'), row: 'optimizers' },
  inference: { registry: 'native/core/inference/registry.cpp', ...ownFiles('inference'), row: 'inference' },
  detector: {
    registry: 'native/core/evaluation/detectors.cpp',
    src: 'src/ood/detectors.ts',
    index: 'src/ood/detectors.ts',
    row: 'out of distribution',
  },
  calibrator: { registry: 'native/core/calibrators/registry.cpp', ...ownFiles('calibrators'), row: 'calibrators' },
  nodeScore: {
    registry: 'native/core/graphs/node_score.cpp',
    src: 'src/graphs/scores/<kind>.ts',
    index: 'src/graphs/scores/factories.ts',
    row: 'graphs',
  },
}
/** Families of specs whose kinds the core tells apart by itself: base/schedule.cpp; a run is train() or sample(). */
const WITHOUT_REGISTRY = ['schedule', 'run']
const families = Object.entries(FAMILIES)

describe('every kind is on both layers', () => {
  it('in a family that this test knows', () => {
    const unknown = familyNames().filter((name) => !(name in FAMILIES) && !WITHOUT_REGISTRY.includes(name))
    expect(unknown.map((name) => `family '${name}': add its registry and files to FAMILIES of this test`)).toEqual([])
  })

  it.each(families)('%s', (family, { registry, src, index }) => {
    const core = kindsInRegistry(read(registry))
    const specs = kindsOf(family)
    expect(core.length).toBeGreaterThan(1)
    const exported = (langevin as unknown as Record<string, object>)[namespaceOf(family)] ?? {}
    expect([
      ...missing(specs, { family, holds: core, no: `no row of ${registry}`, add: (kind) => `{"${kind}", ...}` }),
      ...missing(core, {
        family,
        holds: specs,
        no: 'no spec',
        add: (kind) => `defineSpec('${family}', '${kind}', ...) in ${src.replace('<kind>', dashed(kind))}`,
      }),
      ...missing(specs, {
        family,
        holds: Object.keys(exported),
        no: `no export of ${index}`,
        add: (kind) => `'${kind}' to '${namespaceOf(family)}' there`,
      }),
    ]).toEqual([])
  })
})

describe('every kind is in the tests of its family', () => {
  // Those that need an addon or PyTorch are beside their cases: energies, networks, layers and activations in
  // tests/energies/parity.test.ts; objectives, noises and optimizers in tests/objectives/reference.test.ts; every family
  // in tests/golden/golden.test.ts.
  const SUITE = 'native/tests/sampler_suite_test.cpp'
  const STATES = 'native/tests/discrete_samplers_test.cpp'
  const ENUMERATED = 'every_sampler_settles_at_the_enumerated_law'

  it('samplers in the statistical suite', () => {
    const states = [...bodyOf(read(STATES), ENUMERATED).matchAll(/\bsamplerOf\("(\w+)"/g)].map(([, kind]) => kind!)
    const found = missing(kindsOf('sampler'), {
      family: 'sampler',
      holds: [...kindsAfter(read(SUITE), 'everyTarget('), ...states],
      no: `no case of ${SUITE}`,
      add: (kind) =>
        `TEST(${underscored(kind)}_reaches_the_known_targets) { everyTarget(...); } there; ` +
        `or, if it moves discrete states, its line to ${ENUMERATED} of ${STATES}`,
    })
    expect(found).toEqual([])
  })

  it('inference methods on the regression whose answer is known', () => {
    const file = 'native/tests/inference_test.cpp'
    const test = 'every_method_finds_the_answer_of_a_regression'
    const found = missing(kindsOf('inference'), {
      family: 'inference',
      holds: [...bodyOf(read(file), test).matchAll(/\{"kind", "(\w+)"\}/g)].map(([, kind]) => kind!),
      no: `no case of ${file}`,
      add: (kind) => `CHECK(miss({{"kind", "${kind}"}, ...}) < ...) to ${test}`,
    })
    expect(found).toEqual([])
  })

  it('detectors against scikit-learn, NumPy or a formula', () => {
    const files = ['tests/ood/ood.test.ts', 'tests/ood/classifier.test.ts']
    const except: Record<string, Exception> = {
      averagedEnergy: {
        why: 'a mean of energies, which the anomaly study trains',
        instead: 'tests/studies/anomaly.test.ts',
      },
      energyLadder: { why: 'energies that it trains itself, then averages', instead: 'tests/ood/fit.test.ts' },
    }
    const found = missing(kindsOf('detector'), {
      family: 'detector',
      holds: files.flatMap((each) => [...read(each).matchAll(/\bdetectors\.(\w+)\(/g)].map(([, kind]) => kind!)),
      no: `no test of ${files.join(' or ')}`,
      add: (kind) =>
        `a test of detectors.${kind} there, against its twin in scripts/reference/detectors.py where it has one`,
      except,
    })
    expect(found).toEqual([])
  })

  it('scores of nodes against arithmetic written out', () => {
    const files = ['tests/graphs/gebm.test.ts', 'tests/graphs/scores.test.ts']
    const text = files.map(read).join('\n')
    const named = [...text.matchAll(/\bscores\.(\w+)\b/g)].map(([, kind]) => kind!)
    const found = missing(kindsOf('nodeScore'), {
      family: 'nodeScore',
      holds: named,
      no: `no test of ${files.join(' or ')}`,
      add: (kind) => `a test of scores.${kind} there`,
    })
    expect(found).toEqual([])
  })
})

describe('every kind is on the pages that list all', () => {
  it.each(families)('%s in README.md and docs/reference', (family, { row }) => {
    const kinds = kindsOf(family)
    const page = (kind: string) => `docs/reference/${namespaceOf(family)}/${kind}.md`
    expect([
      ...missing(kinds, {
        family,
        holds: wordsInRow(read('README.md'), row),
        no: `no row of the features table in README.md`,
        add: (kind) => `'${kind}' to the row '${row}'`,
      }),
      ...missing(kinds, {
        family,
        holds: kinds.filter((kind) => existsSync(join(root, page(kind)))),
        no: 'no page of docs/reference',
        add: (kind) => `${page(kind)} by npm run docs:reference`,
      }),
    ]).toEqual([])
  })

  it('samplers in the table of docs/samplers.md', () => {
    const found = missing(kindsOf('sampler'), {
      family: 'sampler',
      holds: [...read('docs/samplers.md').matchAll(/^\| `(\w+)`/gm)].map(([, kind]) => kind!),
      no: 'no row of docs/samplers.md',
      add: (kind) => `| \`${kind}\` | law it settles at | what it needs | good for |`,
    })
    expect(found).toEqual([])
  })
})

describe('the check itself', () => {
  const place = { family: 'sampler', no: 'no case of a_test.cpp', add: (kind: string) => `TEST(${kind})` }

  it('names a kind that is missing, and what to add', () => {
    const kinds = [...kindsOf('sampler'), 'toy']
    expect(missing(kinds, { ...place, holds: kindsOf('sampler') })).toEqual([
      "sampler 'toy' is in no case of a_test.cpp: add TEST(toy)",
    ])
    expect(missing(['a', 'b'], { ...place, holds: ['b', 'a', 'c'] })).toEqual([])
  })

  it('takes an exception only while it holds', () => {
    const except = (instead: string) => ({ toy: { why: 'it is a toy', instead } })
    const told = (kinds: string[], holds: string[], instead: string) =>
      missing(kinds, { ...place, holds, except: except(instead) })
    // This file names it.
    expect(told(['toy'], [], 'tests/package/coverage.test.ts')).toEqual([])
    const begins = "sampler 'toy' is listed as an exception, and "
    expect(told(['toy'], [], 'tests/no.test.ts')).toEqual([expect.stringContaining(`${begins}there is no tests/no`)])
    expect(told(['toy'], [], 'package.json')).toEqual([expect.stringContaining(`${begins}package.json does not name`)])
    expect(told(['toy'], ['toy'], 'package.json')).toEqual([expect.stringContaining(`${begins}it is not missing`)])
    expect(told([], [], 'package.json')).toEqual([expect.stringContaining(`${begins}there is no such kind`)])
  })

  it('reads registries, C++ tests, tables and specs', () => {
    const registry =
      '  static const Registry<A*> registry = {\n      "x",\n      {\n          {"a", makeA},\n          {"b", {addB, nullptr}},\n      },\n  };\n  {"c", makeC}'
    expect(kindsInRegistry(registry)).toEqual(['a', 'b'])
    const test =
      'TEST(one) {\n  every(f, {{"kind", "a"}, {"inner", {{"kind", "b"}}}});\n}\nTEST(two) {\n  {"kind", "c"};\n}\n'
    expect(kindsAfter(test, 'every(')).toEqual(['a'])
    expect(kindsAfter(test, 'any(')).toEqual([])
    const inner =
      '  every([] {\n    Map a{{"kind", "a"}};\n    return Map{\n        {"kind", "b"}, {"inner", a}};\n  });\n}\n'
    expect(kindsAfter(inner, 'every(')).toEqual(['b'])
    expect(bodyOf(test, 'two')).toContain('"c"')
    expect(bodyOf(test, 'one')).not.toContain('"c"')
    expect(() => bodyOf(test, 'three')).toThrow(/no three/)
    expect(wordsInRow('| a | b, c (d) |\n| e | f |', 'a')).toEqual(['a', 'b', 'c', 'd'])
    expect(wordsInRow('| a | b |', 'g')).toEqual([])
    expect(specsIn([{ kind: 'a', inner: { kind: 'b' } }, 3, null]).map(({ kind }) => kind)).toEqual(['a', 'b'])
    expect([dashed('gibbsWithGradients'), underscored('twoTower')]).toEqual(['gibbs-with-gradients', 'two_tower'])
  })
})
