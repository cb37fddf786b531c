/** docs/architecture.md and docs/what-to-touch.md: the drawing is up to date, every file they name is there, no family is left out. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import '../../src/index.js'
import { familyNames, kindsOf } from '../../src/spec/index.js'
import { dashed, underscored } from '../helpers/coverage.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const PAGES = ['docs/architecture.md', 'docs/what-to-touch.md']
const MODULES = JSON.parse(read('docs/modules.json'))
// biome-ignore lint/suspicious/noExplicitAny: a plain JavaScript file
const { drawing }: any = await import(new URL('../../scripts/docs-architecture.mjs', import.meta.url).href)

/** Paths in code spans of a page that do not exist; `<kind>` stands for a kind of any family. */
function absent(page: string): string[] {
  const kinds = familyNames().flatMap(kindsOf)
  const named = [...page.matchAll(/`((?:src|native|tests|scripts|docs|cmake)\/[\w./<>-]*)`/g)].map(([, path]) => path!)
  return named.filter((path) => {
    const candidates = path.includes('<kind>')
      ? kinds.flatMap((kind) => [dashed(kind), underscored(kind)].map((name) => path.replaceAll('<kind>', name)))
      : [path]
    // `<family>` is told apart by the families themselves.
    return !path.includes('<family>') && !candidates.some((candidate) => existsSync(join(root, candidate)))
  })
}

describe('the page of the architecture', () => {
  it('has the drawing of docs/modules.json', () => {
    const stale = read('docs/images/architecture.svg') !== drawing(MODULES)
    expect(stale, 'docs/images/architecture.svg is not up to date: npm run docs:architecture').toBe(false)
    expect(read('docs/architecture.md')).toContain('](images/architecture.svg)')
  })

  it('draws every module with what it holds', () => {
    const one = { src: { toy: 'a <toy>' }, 'native/binding': {}, 'native/core': { base: 'values' } }
    expect(drawing(one)).toContain('1  toy</text>')
    expect(drawing(one)).toContain('a &lt;toy&gt;</text>')
    const long = { ...one, src: { toy: 'a toy that holds more than its box can show to anybody' } }
    expect(() => drawing(long)).toThrow(/more than \d+ letters/)
  })

  it('names the files of the binding', () => {
    for (const name of Object.keys(MODULES['native/binding'])) {
      const found = ['cc', 'cpp'].some((ending) => existsSync(join(root, `native/binding/${name}.${ending}`)))
      expect(found, `docs/modules.json: there is no native/binding/${name}`).toBe(true)
    }
  })
})

describe('the pages for who changes something', () => {
  it.each(PAGES)('%s names files that are there', (path) => {
    expect(absent(read(path)).map((name) => `${path}: there is no ${name}`)).toEqual([])
  })

  it('have a list for every family', () => {
    const headings = [...read('docs/what-to-touch.md').matchAll(/^## (.+)$/gm)].map(([, title]) => title!.toLowerCase())
    // Two families of specs that no method is added to.
    for (const family of familyNames().filter((name) => name !== 'run' && name !== 'schedule')) {
      const there = headings.some((title) => title.replaceAll(' ', '').startsWith(family.toLowerCase()))
      expect(there, `docs/what-to-touch.md: add a section "## ${family}"`).toBe(true)
    }
  })

  it('name commands that are there', () => {
    const { scripts } = JSON.parse(read('package.json'))
    for (const path of PAGES) {
      for (const [, name] of read(path).matchAll(/npm run ([\w:]+)/g)) {
        expect(Object.keys(scripts), `${path}: npm run ${name}`).toContain(name)
      }
    }
  })

  it('would be found to name a file that is not there', () => {
    expect(absent('`src/samplers/<kind>.ts`, `native/core/samplers/<kind>.cpp` and `src/<family>/<kind>.ts`')).toEqual(
      [],
    )
    expect(absent('`src/samplers/toy.ts`, `native/toys/<kind>.cpp`')).toEqual([
      'src/samplers/toy.ts',
      'native/toys/<kind>.cpp',
    ])
  })
})
