#!/usr/bin/env node
// npm run prebuild: what is published, as tarballs in prebuilds/. The platform's package (@langevin/linux-x64-glibc) holds
// the addon compiled for the pinned LibTorch; the main one names it as an optional dependency, so that npm installs it where
// it fits and goes without it elsewhere.
//
//   node scripts/prebuild.mjs [--out folder] [--skip-build]
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PLATFORM, PREBUILT, readRecord, writeRecord } from './setup/addon.mjs'
import { commandLine } from './setup/arguments.mjs'
import { PINNED_LIBTORCH } from './setup/paths.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function run(command, args, cwd = root) {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? `exit ${status}`}`)
}

/** The newest version of a library's interface that a binary asks for, for example { GLIBC: '2.35' }. */
export function interfacesOf(binary) {
  const needed = {}
  for (const [, name, version] of run('readelf', ['--version-info', '--wide', binary]).matchAll(
    /(GLIBC|GLIBCXX)_([\d.]+)/g,
  )) {
    const newer = !needed[name] || version.localeCompare(needed[name], 'en', { numeric: true }) > 0
    if (newer) needed[name] = version
  }
  return needed
}

/** The glibc that docs/install.md promises: Ubuntu 22.04's. */
const NEWEST_GLIBC = '2.35'

/**
 * Refuses an addon that is not to be published: of another version or LibTorch, or in need of a newer glibc than promised.
 *
 * @param {{ langevin?: string, libtorch?: { version?: string } } | undefined} record beside the addon
 * @param {{ GLIBC?: string }} needs from `interfacesOf`
 */
export function requirePublishable(record, needs) {
  const rebuild = 'unset LIBTORCH and run npm run build:native'
  const { langevin = 'an unknown version', libtorch } = record ?? {}
  if (langevin !== manifest.version)
    throw new Error(`the addon is of langevin ${langevin}, the package is ${manifest.version}: ${rebuild}`)
  const found = libtorch?.version ?? 'an unknown version'
  if (found !== PINNED_LIBTORCH)
    throw new Error(`the addon was built with LibTorch ${found}, not the pinned ${PINNED_LIBTORCH}: ${rebuild}`)
  if ((needs.GLIBC ?? '0').localeCompare(NEWEST_GLIBC, 'en', { numeric: true }) > 0)
    throw new Error(
      `the addon needs glibc ${needs.GLIBC}, docs/install.md promises ${NEWEST_GLIBC}: build it on an older system`,
    )
}

/** Packs a folder; returns the tarball's path in `out`. */
function pack(folder, out) {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], folder),
  )
  return join(out, filename)
}

/** The platform's package. */
function packPlatform(staging, out) {
  const built = join(root, 'build/Release/langevin.node')
  const needs = interfacesOf(built)
  requirePublishable(readRecord(built), needs)
  const folder = join(staging, 'platform')
  mkdirSync(folder)
  const addon = join(folder, 'langevin.node')
  copyFileSync(built, addon)
  run('strip', ['--strip-unneeded', addon])
  copyFileSync(join(root, 'build/Release/scorer.node'), join(folder, 'scorer.node'))
  // Where LibTorch lies is the business of the machine it is installed on.
  writeRecord(addon, { langevin: manifest.version, libtorch: { version: PINNED_LIBTORCH }, needs })
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  writeFileSync(
    join(folder, 'README.md'),
    `# ${PREBUILT}\n\nThe native addon of [langevin](https://www.npmjs.com/package/langevin) ${manifest.version} for ${PLATFORM}, ` +
      `compiled for LibTorch ${PINNED_LIBTORCH} (glibc ${needs.GLIBC} or newer). It is installed with langevin; there is no ` +
      'need to ask for it.\n',
  )
  const { license, engines } = manifest
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify(
      {
        name: PREBUILT,
        version: manifest.version,
        description: `The native addon of langevin for ${PLATFORM}.`,
        license,
        engines,
        os: [process.platform],
        cpu: [process.arch],
        libc: ['glibc'],
        main: 'langevin.node',
        files: ['langevin.node', 'scorer.node', 'langevin.json'],
      },
      null,
      2,
    )}\n`,
  )
  return pack(folder, out)
}

/** The scorer's WebAssembly module goes along where this machine can build it (npm run build:wasm). */
function warnOfWasm() {
  if (existsSync(join(root, 'dist/scorer/scorer.wasm'))) return
  console.warn('prebuild: dist/scorer/scorer.wasm is not built (npm run build:wasm): the package goes without it')
}

/** The main package: this checkout's, with the platform's package among its optional dependencies. */
function packMain(staging, out) {
  warnOfWasm()
  const plain = pack(root, staging)
  run('tar', ['-xzf', plain, '-C', staging])
  const folder = join(staging, 'package')
  const { scripts: _, devDependencies: __, ...published } = manifest
  const optionalDependencies = { ...manifest.optionalDependencies, [PREBUILT]: manifest.version }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...published, optionalDependencies }, null, 2)}\n`)
  return pack(folder, out)
}

/**
 * Makes both tarballs.
 *
 * @param {string} out the folder for them
 * @returns {{ main: string, platform: string }} their paths
 */
export function prebuild(out) {
  const staging = mkdtempSync(join(tmpdir(), 'langevin-prebuild-'))
  try {
    mkdirSync(out, { recursive: true })
    return { platform: packPlatform(staging, out), main: packMain(staging, out) }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = commandLine(import.meta.url, {
    options: { out: { type: 'string', default: 'prebuilds' }, 'skip-build': { type: 'boolean', default: false } },
  })
  if (!values['skip-build']) run(process.execPath, [join(root, 'scripts/setup.mjs')])
  for (const path of Object.values(prebuild(resolve(values.out)))) console.log(path)
}
