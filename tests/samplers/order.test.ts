/**
 * Every sampler's source has its parts in one order, stated at the top of native/core/samplers/sampler.hpp, and names no
 * hardware: that is the business of plan.cpp and of the executors.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const folder = fileURLToPath(new URL('../../native/core/samplers/', import.meta.url))

/** A part and what it looks like in the source. A sampler need not have all of them. */
const PARTS: readonly (readonly [string, RegExp])[] = [
  ['the opening comment with the formula and the paper', /^\/\/ \w+: /m],
  ['the class', /^class \w+ final : public Sampler \{/m],
  ['traits()', /^ {2}Traits traits\(\) const override/m],
  ['requireDomain()', /^ {2}void requireDomain\(const Domain&/m],
  ['init()', /^ {2}void init\(Chains& chains/m],
  ['step()', /^ {2}void step\(Chains& chains/m],
  ['fuse()', /^ {2}std::unique_ptr<TileExecutor> fuse\(const FuseTarget&/m],
  ['atTemperature()', /^ {2}std::shared_ptr<const Sampler> atTemperature\(double/m],
  ['tuned()', /^ {2}std::shared_ptr<const Sampler> tuned\(const Target&/m],
  ['effectiveTemperature()', /^ {2}double effectiveTemperature\(\) const override/m],
  ['gradientFactor()', /^ {2}std::optional<double> gradientFactor\(const StepClock&/m],
  ['stepSizes()', /^ {2}at::Tensor stepSizes\(const Chains&/m],
  ['report()', /^ {2}void report\(const Tally& tally/m],
  ['its own pieces (private:)', /^ private:/m],
  ['make<Kind>()', /^std::shared_ptr<const Sampler> make\w+\(const Spec& spec\) \{/m],
]

const REQUIRED = [
  'the opening comment with the formula and the paper',
  'the class',
  'traits()',
  'step()',
  'make<Kind>()',
]

/** What is wrong with the order of a sampler's source; empty when nothing is. */
function complaints(file: string, source: string): string[] {
  const start = source.search(/^class \w+ final : public Sampler \{/m)
  const found = PARTS.map(([name, pattern]) => {
    // The class may have helpers with a private part before it.
    const from = name === 'the opening comment with the formula and the paper' || start < 0 ? 0 : start
    const at = source.slice(from).search(pattern)
    return { name, at: at < 0 ? -1 : from + at }
  })
  const missing = found.filter(({ name, at }) => at < 0 && REQUIRED.includes(name))
  const present = found.filter(({ at }) => at >= 0)
  return [
    ...missing.map(({ name }) => `${file} lacks ${name}`),
    ...present.slice(1).flatMap(({ name, at }, i) => {
      const before = present[i]!
      return at < before.at ? [`${file}: move ${before.name} up, before ${name}`] : []
    }),
  ]
}

const registered = [...readFileSync(`${folder}registry.cpp`, 'utf8').matchAll(/\{"(\w+)", (make\w+)\}/g)]
const sources = readdirSync(folder)
  .filter((file) => file.endsWith('.cpp'))
  .map((file) => ({ file, source: readFileSync(folder + file, 'utf8') }))

describe('parts of a sampler', () => {
  it.each(registered.map(([, kind, make]) => [kind!, make!]))('%s has them in order', (kind, make) => {
    const own = sources.find(({ source }) => new RegExp(`${make}\\(const Spec& spec\\) \\{`).test(source))
    expect(own, `no samplers/*.cpp defines ${make}(), which registry.cpp names`).toBeDefined()
    expect(own!.source, `${own!.file} opens with "// ${kind}: ..." and the formula`).toMatch(
      new RegExp(`^// ${kind}: `),
    )
    expect(complaints(own!.file, own!.source)).toEqual([])
  })

  it('finds every kind', () => expect(registered.length).toBeGreaterThanOrEqual(10))

  it('says what to move', () => {
    const mala = sources.find(({ file }) => file === 'mala.cpp')!.source
    const fuse = mala.match(/ {2}std::unique_ptr<TileExecutor> fuse[\s\S]*?\n {2}\}\n\n/)![0]
    const moved = mala.replace(fuse, '').replace('  Traits traits()', `${fuse}  Traits traits()`)
    expect(complaints('mala.cpp', moved)).toEqual(['mala.cpp: move step() up, before fuse()'])
    expect(complaints('mala.cpp', mala.replace('Traits traits() const override', ''))).toEqual([
      'mala.cpp lacks traits()',
    ])
  })

  it('names devices and executors in plan.cpp alone', () => {
    const executors = /^(plan|fused)/
    const named = sources
      .filter(({ file }) => !executors.test(file))
      .flatMap(({ file, source }) => {
        const code = source.replace(/\/\/.*$/gm, '')
        return [...code.matchAll(/\bcuda\b|cudaTiles|\btiles\(\)|getenv/g)].map(([word]) => `${file}: ${word}`)
      })
    expect(named, 'ask samplers/plan.hpp, and let plan.cpp name it').toEqual([])
  })
})
