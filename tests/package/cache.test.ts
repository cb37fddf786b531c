/** Where built files lie when langevin is a dependency: found after npm ci, after a move, by another user; or one sentence. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addCompiled, addPrebuilt, install, libtorch, node, type Project, project, USE } from '../helpers/dependency.js'

const part = (name: string) => import(new URL(`../../scripts/setup/${name}.mjs`, import.meta.url).href)
const { cacheDirectory, foreignCache, homeDirectory, setupCommand, stateDirectory } = await part('paths')
const { choicePath, libtorchOf, readChoice, unpacked, writeRecord } = await part('addon')
const { wantedStamp } = await part('native')
const { clearLeftovers } = await part('leftovers')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-cache-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const inApp = '/app/node_modules/langevin'

describe('the cache', () => {
  it('is LANGEVIN_CACHE, else XDG_CACHE_HOME, else below the home, else a folder of this user', () => {
    const all = { LANGEVIN_CACHE: '/mine', XDG_CACHE_HOME: '/xdg', HOME: '/home/a' }
    expect(cacheDirectory(all)).toBe('/mine')
    expect(cacheDirectory({ ...all, LANGEVIN_CACHE: '' })).toBe('/xdg/langevin')
    // A relative one is no answer, by the XDG specification.
    expect(cacheDirectory({ XDG_CACHE_HOME: 'relative', HOME: '/home/a' })).toBe('/home/a/.cache/langevin')
    // Without HOME the account's own folder counts, and an account need not have one.
    expect(cacheDirectory({}, { home: '/home/b' })).toBe('/home/b/.cache/langevin')
    expect(cacheDirectory({}, { home: undefined, uid: 1000, temporary: '/tmp' })).toBe('/tmp/langevin-1000')
  })

  it('is used by a dependency, and by a checkout only when it is asked for', () => {
    expect(stateDirectory('/src/langevin', { HOME: '/home/a' })).toBe('/src/langevin/.langevin')
    expect(homeDirectory('/src/langevin', { LANGEVIN_CACHE: '/big' })).toBe('/big')
    expect(homeDirectory(inApp, { HOME: '/home/a' })).toMatch(/^\/home\/a\/\.cache\/langevin\/libtorch-2\.\d+\.\d+$/)
    expect(setupCommand(inApp)).toBe('npx langevin setup')
    expect(setupCommand('/src/langevin')).toBe('npm run setup')
  })

  it('of somebody else is not trusted', () => {
    const mine = join(folder, 'mine')
    mkdirSync(mine)
    const uid = process.getuid?.() as number
    expect(foreignCache(mine)).toBeUndefined()
    expect(foreignCache(join(folder, 'none'))).toBeUndefined()
    chmodSync(mine, 0o777)
    expect(foreignCache(mine)).toMatch(/everybody may write/)
    // As /tmp: others may add files.
    chmodSync(mine, 0o1777)
    expect(foreignCache(mine)).toMatch(/everybody may write/)
    chmodSync(mine, 0o700)
    // What root has put into an image is good for all; what another user has is not.
    if (uid === 0) chownSync(mine, 4321, 4321)
    expect(foreignCache(mine, uid === 0 ? 0 : uid + 1)).toMatch(/belongs to user/)
    expect(foreignCache(folder, 4321)).toBe(
      uid === 0 ? undefined : `${folder} belongs to user ${uid}, not to this one (4321)`,
    )
  })

  it('names libraries beside an Electron archive', () => {
    expect(unpacked('/opt/a/resources/app.asar/node_modules/x.node')).toBe(
      '/opt/a/resources/app.asar.unpacked/node_modules/x.node',
    )
    expect(unpacked('/opt/a.asarum/x.node')).toBe('/opt/a.asarum/x.node')
  })
})

describe('what a killed set-up leaves', () => {
  /** A folder with a whole addon, or one without its stamp. */
  const leave = (state: string, name: string, stamp: boolean) => {
    mkdirSync(join(state, name), { recursive: true })
    writeFileSync(join(state, name, 'langevin.node'), name)
    writeRecord(join(state, name, 'langevin.node'), {})
    if (stamp) writeFileSync(join(state, name, 'langevin-stamp.json'), '{"tools":"a","sources":"b"}')
  }

  it('is removed, and the addon is restored where none has the final name', () => {
    const state = join(folder, 'killed')
    leave(state, 'addon-1', true)
    for (const name of ['addon-1.new-7', 'addon-1.old-7', 'addon-2.new-8', 'addon-2.old-8', 'addon-3.old-9'])
      leave(state, name, true)
    leave(state, 'addon-3.new-9', false)
    for (const name of ['build-addon-1', 'build-addon-2', 'libtorch-2.13.0']) mkdirSync(join(state, name))
    clearLeftovers(state, join(state, 'build-addon-2'))
    expect(readdirSync(state).sort()).toEqual(['addon-1', 'addon-2', 'addon-3', 'build-addon-2', 'libtorch-2.13.0'])
    const addonOf = (name: string) => readFileSync(join(state, name, 'langevin.node'), 'utf8')
    expect(['addon-1', 'addon-2', 'addon-3'].map(addonOf)).toEqual(['addon-1', 'addon-2.new-8', 'addon-3.old-9'])
  })
})

describe('a project that depends on langevin', () => {
  let made: Project
  beforeEach(() => {
    made = project(mkdtempSync(join(folder, 'project-')))
  })

  const answer = (stdout: string) => JSON.parse(stdout) as { energy: number[]; addon: string; libtorch: string }

  it('uses the addon of the cache, also after npm ci and after both were moved', async () => {
    const addon = addCompiled(made)
    const first = await node(made, USE)
    expect(first.stderr).toBe('')
    expect(answer(first.stdout)).toMatchObject({ energy: [12.5], addon })
    rmSync(join(made.app, 'node_modules'), { recursive: true })
    install(made.app)
    expect(answer((await node(made, USE)).stdout).addon).toBe(addon)
    const moved: Project = { app: join(folder, 'moved/app'), cache: join(folder, 'moved/cache'), package: '' }
    mkdirSync(join(folder, 'moved'))
    renameSync(made.app, moved.app)
    renameSync(made.cache, moved.cache)
    const later = answer((await node(moved, USE)).stdout)
    expect(later.energy).toEqual([12.5])
    expect(later.addon).toBe(addon.replace(made.cache, moved.cache))
  }, 120_000)

  it('uses the addon of the platform package, and the one compiled here before it', async () => {
    const prebuilt = addPrebuilt(made)
    expect(answer((await node(made, USE)).stdout)).toMatchObject({ energy: [12.5], addon: prebuilt })
    const compiled = addCompiled(made)
    expect(answer((await node(made, USE)).stdout).addon).toBe(compiled)
  }, 120_000)

  it('passes over a platform package of another version', async () => {
    addPrebuilt(made)
    const manifest = join(made.app, 'node_modules/@langevin/linux-x64-glibc/package.json')
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"version": "[^"]+"/, '"version": "9.9.9"'))
    const { code, stderr } = await node(made, USE)
    expect(code).not.toBe(0)
    expect(stderr).toContain('npx langevin setup')
  })

  it.each<[string, (addon: string) => void, RegExp]>([
    [
      'nothing was set up',
      () => rmSync(choicePath(made.package, { LANGEVIN_CACHE: made.cache })),
      /current-.*\.json \(what set-up leaves\): no such file/,
    ],
    [
      'the addon is cut short',
      (addon) => {
        // A file of its own: the one there is a link to the checkout's.
        const bytes = readFileSync(addon)
        rmSync(addon)
        writeFileSync(addon, bytes.subarray(0, 1000))
      },
      /it is incomplete: 1000 bytes instead of \d+/,
    ],
    ['the addon was removed', (addon) => rmSync(addon), /langevin\.node \(compiled by set-up\): no such file/],
  ])('says one sentence and the command when %s', async (_, harm, words) => {
    harm(addCompiled(made))
    const { code, stderr } = await node(made, USE)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(words)
    expect(stderr).toContain('ERR_LANGEVIN_NATIVE_LOAD')
    expect(stderr).toContain('To fix it: npx langevin setup')
  })

  it('says what is missing when LibTorch has gone, or is another', async () => {
    const addon = addCompiled(made)
    const elsewhere = { ...process.env, LANGEVIN_LIBTORCH: join(folder, 'none') }
    expect(libtorchOf(addon, { root: made.package, env: elsewhere }).problem).toMatch(
      /LANGEVIN_LIBTORCH=.* is no LibTorch/,
    )
    writeRecord(addon, { libtorch: { version: '2.12.0', prefix: libtorch.prefix } })
    const env = { LANGEVIN_CACHE: made.cache }
    expect(libtorchOf(addon, { root: made.package, env }).problem).toMatch(
      /built with LibTorch 2\.12\.0, and .* is 2\./,
    )
    rmSync(join(made.cache, readdirSync(made.cache).find((name) => name.startsWith('libtorch-')) as string), {
      recursive: true,
    })
    writeRecord(addon, { libtorch: { version: '2.13.0', relative: '../gone', prefix: '/gone' } })
    const { stderr } = await node(made, USE)
    expect(stderr).toMatch(/the LibTorch 2\.13\.0 it needs is not there \(not in .*\/gone/)
    expect(stderr).toContain('To fix it: npx langevin setup')
  })

  it('loads for a user without rights or a home, from folders that only root may write', async ({ skip }) => {
    if (process.getuid?.() !== 0) return skip('only root can become another user')
    addCompiled(made)
    for (const path of [folder, join(made.app, '..'), made.cache]) chmodSync(path, 0o755)
    const nobody = { uid: 65534, gid: 65534 }
    const probe = await node(made, ['-e', `require('node:fs').accessSync('${libtorch.prefix}/lib')`], {}, nobody)
    if (probe.code !== 0) return skip('this LibTorch lies where only root may read')
    const { stdout, stderr } = await node(made, USE, { LANGEVIN_CACHE: made.cache }, nobody)
    expect(stderr).toBe('')
    expect(answer(stdout).energy).toEqual([12.5])
  }, 60_000)

  it('has a doctor that names what is loaded and the command that exists, and asks for no compiler', async () => {
    const addon = addCompiled(made)
    const cli = ['node_modules/langevin/dist/cli/main.js', 'doctor', '--json']
    const good = await node(made, cli, { LANGEVIN_CACHE: made.cache, CXX: '/nowhere/g++' })
    const report = JSON.parse(good.stdout)
    expect(report.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([])
    expect(report.addon).toMatchObject({ path: addon, bytes: readFileSync(addon).length })
    expect(report.libtorch.loadedBytes).toBeGreaterThan(1e8)
    expect(report.setup).toEqual({ command: 'npx langevin setup', folder: made.cache })
    rmSync(made.cache, { recursive: true })
    const bad = JSON.parse((await node(made, cli)).stdout)
    expect(bad.ok).toBe(false)
    const remedies = bad.checks.flatMap(({ remedy }: { remedy?: string }) => remedy ?? [])
    expect(remedies).toContain('npx langevin setup')
    expect(remedies.join()).not.toContain('npm run')
  }, 60_000)

  it.each<[string, (addon: string) => string]>([
    ['the cache', () => made.cache],
    ['what names the addon', () => choicePath(made.package, { LANGEVIN_CACHE: made.cache })],
    ['the folder of the addon', (addon) => dirname(addon)],
  ])(
    'loads nothing, by doctor either, where everybody may write to %s',
    async (_, pathOf) => {
      const path = pathOf(addCompiled(made))
      chmodSync(path, 0o1777)
      const words = `nothing is loaded from the cache: everybody may write to ${path}`
      expect((await node(made, USE)).stderr).toContain(words)
      const cli = ['node_modules/langevin/dist/cli/main.js', 'doctor', '--json']
      const report = JSON.parse((await node(made, cli)).stdout)
      expect(report.checks.find(({ name }: { name: string }) => name === 'addon')).toMatchObject({
        ok: false,
        found: words,
        remedy: 'LANGEVIN_CACHE=/a/folder/of/yours npx langevin setup',
      })
      expect(report.libtorch.loaded).toBeUndefined()
    },
    60_000,
  )

  it('sets up without a compiler where the platform package is installed, and leaves the choice', async () => {
    const prebuilt = addPrebuilt(made)
    const cli = ['node_modules/langevin/dist/cli/main.js', 'setup', '--json']
    // No compiler, CMake or Ninja by these names; LibTorch is the one at hand.
    const env = { LANGEVIN_CACHE: made.cache, LIBTORCH: libtorch.prefix, PATH: join(process.execPath, '..') }
    const { code, stdout, stderr } = await node(made, cli, { ...env, CXX: '/nowhere/g++' })
    expect(stderr).toMatch(/native +skipped: @langevin\/linux-x64-glibc brings the addon, and it loads/)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ ok: true, addon: prebuilt })
    expect(readChoice(made.package, env).libtorch.prefix).toBe(libtorch.prefix)
    expect(existsSync(join(made.package, 'build'))).toBe(false)
  }, 60_000)

  it('builds nothing where the cache holds what was asked for, without a compiler; half of it does not count', async () => {
    const addon = addCompiled(made)
    const env = { LANGEVIN_CACHE: made.cache, CXX: '/nowhere/g++', LIBTORCH: libtorch.prefix }
    // LIBTORCH names the folder: an addon of its own in the cache.
    const { code, stderr } = await node(made, ['node_modules/langevin/dist/cli/main.js', 'build'], env)
    expect(code).toBe(1)
    expect(stderr).toMatch(/apt-get install -y g\+\+/)
    const managed = { LANGEVIN_CACHE: made.cache, CXX: '/nowhere/g++' }
    const stamp = join(dirname(addon), 'langevin-stamp.json')
    const build = [join(made.package, 'scripts/setup.mjs'), '--compile', '--only', 'native']
    writeFileSync(stamp, JSON.stringify(await wantedStamp(made.package, managed)))
    mkdirSync(`${dirname(addon)}.new-1`)
    expect((await node(made, build, managed)).stderr).toMatch(/native +skipped: the addon is up to date/)
    expect(readdirSync(made.cache).filter((name) => name.includes('.new-'))).toEqual([])
    const bytes = readFileSync(addon)
    rmSync(addon)
    writeFileSync(addon, bytes.subarray(0, 1000))
    expect((await node(made, build, managed)).stderr).toMatch(/apt-get install -y g\+\+/)
    // Of the right size and with a current stamp, and yet it does not load: as in an image with another glibc.
    writeFileSync(addon, Buffer.alloc(bytes.length))
    expect((await node(made, build, managed)).stderr).toMatch(/apt-get install -y g\+\+/)
  }, 60_000)
})
