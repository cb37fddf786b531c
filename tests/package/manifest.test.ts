/** package.json and the contents of the package. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const manifest = JSON.parse(read('package.json'))

describe('package.json', () => {
  it('runs nothing on installation', () => {
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(manifest.scripts).not.toHaveProperty(name)
    }
    // npm would run node-gyp by itself for a root binding.gyp.
    expect(manifest.gypfile).toBe(false)
    expect(existsSync(join(root, 'binding.gyp'))).toBe(false)
  })

  it('sets up before start and test, so that a fresh clone needs one command for each', () => {
    expect(manifest.scripts.prestart).toBe(manifest.scripts.setup)
    // Tests and reference runs compare with scikit-learn and NumPy, which nothing else needs.
    expect(manifest.scripts.pretest).toBe(`${manifest.scripts.setup} --reference`)
    expect(manifest.scripts.prereference).toBe(manifest.scripts.pretest)
  })

  it('names only scripts that exist', () => {
    for (const [name, command] of Object.entries<string>(manifest.scripts)) {
      for (const [, file] of command.matchAll(/node (scripts\/\S+)/g)) {
        expect(existsSync(join(root, file ?? '')), `${name}: ${file}`).toBe(true)
      }
    }
  })

  it('exports only ESM with types, and both files come from the build', () => {
    expect(manifest.type).toBe('module')
    const entry = manifest.exports['.']
    expect(Object.keys(entry)[0]).toBe('types')
    expect(existsSync(join(root, entry.types))).toBe(true)
    expect(existsSync(join(root, entry.default))).toBe(true)
    expect(existsSync(join(root, manifest.bin.langevin))).toBe(true)
  })

  it('depends on nothing that needs a newer Node than it asks for', () => {
    expect(manifest.engines.node).toBe('>=20.19')
    const { packages } = JSON.parse(read('package-lock.json'))
    const semver = createRequire(createRequire(import.meta.url).resolve('cmake-js/package.json'))('semver')
    for (const [path, { engines }] of Object.entries<{ engines?: { node?: string } }>(packages)) {
      if (!path || !engines?.node) continue
      expect(semver.satisfies('20.19.0', engines.node), `${path} needs Node ${engines.node}`).toBe(true)
    }
  })

  it('has a lock file that names no host but the public registry', () => {
    const { packages } = JSON.parse(read('package-lock.json'))
    type Entry = { resolved?: string; integrity?: string; os?: string[]; libc?: string[] }
    for (const [path, entry] of Object.entries<Entry>(packages)) {
      if (path === '') continue
      // Nothing is ever fetched for platforms LibTorch's wheels do not support.
      const supported = (entry.os ?? ['linux']).includes('linux') && (entry.libc ?? ['glibc']).includes('glibc')
      if (supported) expect(entry.integrity, `${path} has no integrity hash`).toMatch(/^sha512-/)
      if (entry.resolved) expect(entry.resolved).toMatch(/^https:\/\/registry\.npmjs\.org\//)
    }
  })

  it('has every package its packages ask for in the lock file', () => {
    const { packages } = JSON.parse(read('package-lock.json'))
    type Entry = { dependencies?: object; devDependencies?: object; optionalDependencies?: object }
    for (const [path, entry] of Object.entries<Entry>(packages)) {
      const asked = { ...entry.dependencies, ...entry.devDependencies, ...entry.optionalDependencies }
      for (const name of Object.keys(asked)) {
        // Node's own rule: the nearest node_modules on the way up.
        const places = path.split('/node_modules/').map((_, i, parts) => parts.slice(0, i + 1).join('/node_modules/'))
        const present = ['', ...places].some((at) => packages[`${at}${at && '/'}node_modules/${name}`]?.version)
        expect(present, `${name}, asked for by ${path || 'package.json'}`).toBe(true)
      }
    }
  })

  it('has the same direct dependencies in manifest and lock file', () => {
    const [locked] = Object.values<typeof manifest>(JSON.parse(read('package-lock.json')).packages)
    expect(locked.dependencies).toEqual(manifest.dependencies)
    expect(locked.devDependencies).toEqual(manifest.devDependencies)
  })
})

describe('npm pack', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )
  const files: string[] = packed.files.map((file: { path: string }) => file.path)

  it('holds what a build at the user needs', () => {
    for (const needed of [
      'CMakeLists.txt',
      'LICENSE',
      'CHANGELOG.md',
      'cmake/libtorch.cmake',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'native/core/api.hpp',
      'native/scorer/addon.cc',
      'dist/scorer/index.js',
      'scripts/setup.mjs',
      'scripts/setup/venv.mjs',
      'scripts/setup/requirements.txt',
    ]) {
      expect(files).toContain(needed)
    }
  })

  it('holds no binaries, tests, sources of types or build folders, and is small', () => {
    for (const file of files) {
      expect(file).not.toMatch(/\.(node|so|a|o|gch|whl|tsbuildinfo)$|^(build|tests|src|node_modules|\.)/)
      expect(file).not.toMatch(/^native\/tests\//)
    }
    // The scorer's WebAssembly module is there where `npm run build:wasm` has built it.
    const wasm = files.includes('dist/scorer/scorer.wasm') ? 0.4e6 : 0
    expect(packed.size).toBeLessThan(3e6 + wasm)
  })
})
