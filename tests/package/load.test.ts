/** The loader of the addon and the errors of a failed load. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { LangevinError } from '../../src/errors.js'
import { CONTRACT_VERSION } from '../../src/native/contract.js'
import { candidates, loadAddon, loadError, native, nativePath, remedyFor } from '../../src/native/load.js'

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
    expect(attempts.slice(0, 3).every(({ remedy }) => remedy?.includes('langevin build'))).toBe(true)
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
  ])('knows the remedy of %j', (problem, remedy) => {
    expect(remedyFor(problem)).toContain(remedy)
  })
})
