/** npm run prebuild: what the two tarballs hold, and that the addon in one of them depends on no place of this machine. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { libtorch } from '../helpers/dependency.js'

const { interfacesOf, prebuild, requirePublishable } = await import(
  new URL('../../scripts/prebuild.mjs', import.meta.url).href
)

let folder = ''
let tarballs = { main: '', platform: '' }
const out = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' })
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-prebuild-'))
  tarballs = prebuild(join(folder, 'out'))
  for (const [name, path] of Object.entries(tarballs)) {
    out('mkdir', join(folder, name))
    out('tar', '-xzf', path, '-C', join(folder, name), '--strip-components', '1')
  }
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the platform package', () => {
  it('holds the addon and what it was built for, and fits this platform alone', () => {
    expect(out('tar', '-tzf', tarballs.platform).trim().split('\n').sort()).toEqual(
      ['LICENSE', 'README.md', 'langevin.json', 'langevin.node', 'package.json', 'scorer.node'].map(
        (name) => `package/${name}`,
      ),
    )
    const manifest = JSON.parse(read('platform/package.json'))
    expect(manifest).toMatchObject({ name: '@langevin/linux-x64-glibc', os: ['linux'], cpu: ['x64'], libc: ['glibc'] })
    const record = JSON.parse(read('platform/langevin.json'))
    expect(record).toMatchObject({ langevin: manifest.version, libtorch: { version: libtorch.version } })
    expect(record.bytes).toBe(readFileSync(join(folder, 'platform/langevin.node')).length)
  })

  it('finds its libraries by no path of this machine', () => {
    const dynamic = out('readelf', '-d', join(folder, 'platform/langevin.node'))
    expect([...dynamic.matchAll(/R(?:UN)?PATH.*\[(.*)\]/g)].map(([, path]) => path)).toEqual(['$ORIGIN'])
    expect(dynamic).toMatch(/NEEDED.*\[libtorch_cpu\.so\]/)
  })

  it('says how new a system it needs', () => {
    const needs = interfacesOf(join(folder, 'platform/langevin.node'))
    expect(needs).toEqual(JSON.parse(read('platform/langevin.json')).needs)
    expect(Number(needs.GLIBC.split('.')[1])).toBeGreaterThan(16)
    // Its own system's is an upper bound.
    const here = (process.report.getReport() as { header: { glibcVersionRuntime: string } }).header.glibcVersionRuntime
    expect(needs.GLIBC.localeCompare(here, 'en', { numeric: true })).toBeLessThanOrEqual(0)
  })
})

describe('an addon that is not to be published', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const good = { langevin: version, libtorch: { version: libtorch.version } }

  it.each<[string, object | undefined, object, RegExp]>([
    ['another version', { ...good, langevin: '0.0.1' }, { GLIBC: '2.35' }, /is of langevin 0\.0\.1, the package is/],
    ['an unknown version', undefined, { GLIBC: '2.35' }, /is of langevin an unknown version/],
    ['another LibTorch', { ...good, libtorch: { version: '2.1.0' } }, {}, /with LibTorch 2\.1\.0, not the pinned/],
    ['a newer glibc', good, { GLIBC: '2.36' }, /needs glibc 2\.36, docs\/install\.md promises 2\.35/],
  ])('is refused: %s', (_, record, needs, words) => {
    expect(() => requirePublishable(record, needs)).toThrow(words)
    expect(() => requirePublishable(good, { GLIBC: '2.9' })).not.toThrow()
  })
})

describe('the main package', () => {
  it('asks for the platform package of its own version where it fits, and ships what a build needs', () => {
    const manifest = JSON.parse(read('main/package.json'))
    expect(manifest.optionalDependencies).toEqual({ '@langevin/linux-x64-glibc': manifest.version })
    expect(manifest).not.toHaveProperty('devDependencies')
    expect(manifest).not.toHaveProperty('scripts')
    const files = out('tar', '-tzf', tarballs.main)
    for (const name of [
      'scripts/setup/addon.mjs',
      'scripts/setup/addon.d.mts',
      'cmake/langevin.json.in',
      'dist/index.js',
    ])
      expect(files).toContain(`package/${name}\n`)
    expect(files).not.toMatch(/\.node\n|scripts\/release/)
  })
})
