/** The loader of the addon and the errors of a failed load. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { LangevinError } from '../../src/errors.js'
import { CONTRACT_VERSION } from '../../src/native/contract.js'
import { candidates, findAddon, loadAddon, loadError, native, nativePath, remedyFor } from '../../src/native/load.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-load-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The loader asks Node's require, so a script stands in for an addon of another contract. */
function script(name: string, text: string) {
  const path = join(folder, name)
  writeFileSync(path, text)
  return { path, origin: 'test' }
}

describe('the loader', () => {
  it('loads the addon that was built, once', () => {
    expect(native().contractVersion).toBe(CONTRACT_VERSION)
    expect(native()).toBe(native())
    expect(nativePath()).toMatch(/langevin\.node$/)
  })

  it('looks nowhere else when LANGEVIN_ADDON is set', () => {
    expect(candidates('/package/', { LANGEVIN_ADDON: '/mine.node' })).toEqual([
      { path: '/mine.node', origin: 'LANGEVIN_ADDON' },
    ])
    expect(candidates('/package/', {}).map(({ path }) => path)[0]).toBe('/package/build/Release/langevin.node')
    // A dependency is built outside node_modules: nothing of what npm may remove is looked for first.
    const dependency = join(folder, 'app/node_modules/langevin/')
    mkdirSync(dependency, { recursive: true })
    writeFileSync(join(dependency, 'package.json'), '{ "version": "0.1.0" }')
    const [first] = candidates(dependency, { LANGEVIN_CACHE: '/cache' })
    expect(first?.path).toMatch(/^\/cache\/current-/)
    const packed = candidates('/opt/resources/app.asar/', {}).map(({ path }) => path)[0]
    expect(packed).toBe('/opt/resources/app.asar.unpacked/build/Release/langevin.node')
  })

  it('keeps every failed attempt and takes the first that fits', () => {
    const missing = { path: join(folder, 'missing.node'), origin: 'test' }
    const foreign = script('foreign.node', 'this is no ELF file')
    const old = script('old.cjs', `module.exports = { contractVersion: ${CONTRACT_VERSION - 1} }`)
    const good = script('good.cjs', `module.exports = { contractVersion: ${CONTRACT_VERSION} }`)
    const { addon, path, attempts } = loadAddon([missing, foreign, old, good])
    expect(addon?.contractVersion).toBe(CONTRACT_VERSION)
    expect(path).toBe(good.path)
    expect(attempts.map(({ problem }) => problem)).toEqual([
      'no such file',
      expect.stringMatching(/invalid ELF header|file too short/),
      `it has contract version ${CONTRACT_VERSION - 1}, this package needs ${CONTRACT_VERSION}`,
      undefined,
    ])
    expect(attempts.slice(0, 3).every(({ remedy }) => /npm run setup|npx langevin build/.test(remedy ?? ''))).toBe(true)
  })

  it('opens no second LibTorch beside the one of the process', () => {
    native()
    const other = join(folder, 'other')
    mkdirSync(join(other, 'lib'), { recursive: true })
    writeFileSync(join(other, 'lib/libtorch_cpu.so'), '')
    const candidate = script('other/needs-other.cjs', `module.exports = { contractVersion: ${CONTRACT_VERSION} }`)
    writeFileSync(join(other, 'langevin.json'), JSON.stringify({ libtorch: { prefix: other } }))
    const { addon, attempts } = loadAddon([candidate])
    expect(addon).toBeUndefined()
    expect(attempts[0]?.problem).toMatch(
      /it needs the LibTorch in .*other, and this process has already opened the one in/,
    )
  })

  it('takes what bindings finds, last', () => {
    const built = join(folder, 'gyp/node_modules/langevin/')
    const release = join(built, 'build/Release')
    mkdirSync(release, { recursive: true })
    writeFileSync(join(built, 'package.json'), '{ "name": "langevin", "version": "0.1.0" }')
    const env = { LANGEVIN_CACHE: join(folder, 'empty') }
    expect(findAddon(built, env).attempts).toHaveLength(1)
    // `bindings` asks for the name alone; what lies there is no addon, so the attempt and its problem are kept.
    writeFileSync(join(release, 'langevin.node'), 'this is no ELF file')
    const { addon, attempts } = findAddon(built, env)
    expect(addon).toBeUndefined()
    expect(attempts.map(({ origin }) => origin)).toEqual(['what set-up leaves', 'found by bindings'])
    expect(attempts[1]?.problem).toMatch(/invalid ELF header|file too short/)
    expect(findAddon(built, { LANGEVIN_ADDON: '/mine.node' }).attempts).toHaveLength(1)
  })

  it('throws a coded error that says what was tried and what to do', () => {
    const foreign = script('foreign.node', 'this is no ELF file')
    const { addon, attempts } = loadAddon([{ path: '/nowhere/langevin.node', origin: 'built by cmake-js' }, foreign])
    expect(addon).toBeUndefined()
    const error = loadError(attempts)
    expect(error).toBeInstanceOf(LangevinError)
    expect(error.code).toBe('ERR_LANGEVIN_NATIVE_LOAD')
    expect(error.message).toContain('/nowhere/langevin.node (built by cmake-js): no such file')
    expect(error.message).toContain(foreign.path)
    expect(error.message).toContain('npx langevin build')
    expect(error.details.attempts).toHaveLength(2)
  })

  it.each([
    ['libtorch_cpu.so: cannot open shared object file: No such file or directory', 'npm run setup'],
    ['undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs', 'another version'],
    ["/lib/libc.so.6: version `GLIBC_2.38' not found", 'newer system'],
    ['file too short', 'npx langevin build'],
    ['libtorch_cpu.so: failed to map segment from shared object', 'more memory'],
  ])('knows the remedy of %j', (problem, remedy) => {
    expect(remedyFor(problem)).toContain(remedy)
  })

  it('names the command that exists where the package lies', () => {
    const missing = 'libc10.so: cannot open shared object file'
    expect(remedyFor(missing, '/src/langevin/')).toContain('npm run setup')
    expect(remedyFor(missing, '/app/node_modules/langevin/')).toContain('npx langevin setup')
  })
})
