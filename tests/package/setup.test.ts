/** The set-up scripts: tools, LibTorch, packages, lock, interruption. */
import { execFile, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const exec = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const part = (name: string) => import(new URL(`../../scripts/setup/${name}.mjs`, import.meta.url).href)

const { atLeast, toolRemedy } = await part('tools')
const { describeAttempts, libtorchVersion, resolveLibtorch } = await part('libtorch')
const { packagesMismatch } = await part('packages')
const { takeLock } = await part('lock')
const { removeOrphans } = await part('typescript')
const { checkSpace } = await part('venv')
const { buildProgress, compilesAtOnce, dropForeignCache } = await part('native')
const { clock, logFile, logTo, run, say, showProgress } = await part('console')

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-setup-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A folder that looks like a LibTorch to the resolution. */
function fakeLibtorch(at: string, version = '2.13.0', cuda = false): string {
  mkdirSync(join(at, 'share/cmake/Torch'), { recursive: true })
  mkdirSync(join(at, 'lib'))
  writeFileSync(join(at, 'share/cmake/Torch/TorchConfig.cmake'), '')
  writeFileSync(join(at, 'share/cmake/Torch/TorchConfigVersion.cmake'), `set(PACKAGE_VERSION "${version}")\n`)
  if (cuda) writeFileSync(join(at, 'lib/libtorch_cuda.so'), '')
  return at
}

/** A PATH whose python3 answers what the resolution asks for: its own path, where the question names it, and torch's. */
function fakePython(torch: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const python = join(bin, 'python3')
  writeFileSync(python, `#!/bin/sh\ncase "$2" in *sys.executable*) echo ${python};; esac\necho "${torch}"\n`)
  chmodSync(python, 0o755)
  return `${bin}:${process.env.PATH}`
}

describe('tools', () => {
  it.each([
    ['12.2.0', '12', true],
    ['11.4.0', '12', false],
    ['3.25.1', '3.25', true],
    ['3.9', '3.25', false],
    ['20.19', '20.19', true],
    ['20.18.3', '20.19', false],
    ['4', '3.25', true],
  ])('%s against %s', (version, oldest, expected) => {
    expect(atLeast(version, oldest)).toBe(expected)
  })

  it('says one apt-get line for everything that is missing', () => {
    const tools = [
      { name: 'CMake', needed: '3.25', ok: false, aptPackage: 'cmake' },
      { name: 'Ninja', needed: '1.10', ok: false, aptPackage: 'ninja-build' },
      { name: 'python3 with venv', needed: '3.10', ok: true, version: '3.11', aptPackage: 'python3-venv' },
    ]
    const { problem, remedy } = toolRemedy(tools, true)
    expect(problem).toBe('CMake is missing; Ninja is missing')
    expect(remedy).toBe('apt-get install -y cmake ninja-build')
    expect(toolRemedy(tools, false).remedy).toBe('sudo apt-get install -y cmake ninja-build')
    expect(toolRemedy([tools[2]], true)).toBeUndefined()
  })

  it('stops before it changes anything when a tool is missing', async () => {
    // A PATH with node and python3 but no compiler, CMake or Ninja.
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    symlinkSync(process.execPath, join(bin, 'node'))
    const env = { ...process.env, PATH: bin, LIBTORCH: '/nowhere', LANGEVIN_CACHE: join(folder, 'home') }
    const failure = await exec(process.execPath, [join(root, 'scripts/setup.mjs')], { env }).catch((error) => error)
    expect(failure.code).toBe(1)
    expect(failure.stderr).toMatch(/apt-get install -y g\+\+ cmake ninja-build\n/)
    expect(existsSync(join(folder, 'home'))).toBe(false)
  })
})

describe('LibTorch resolution', () => {
  it('takes LIBTORCH before everything else', () => {
    const mine = fakeLibtorch(join(folder, 'mine'), '2.14.1', true)
    const managed = join(folder, '.langevin/venv/lib/python3.11/site-packages/torch')
    fakeLibtorch(managed)
    const found = resolveLibtorch({ root: folder, env: { LIBTORCH: mine, LIBTORCH_USE_PYTORCH: '1' } })
    expect(found).toMatchObject({ prefix: mine, version: '2.14.1', source: 'LIBTORCH', cuda: true })
  })

  it('does not fall back when LIBTORCH is wrong', () => {
    fakeLibtorch(join(folder, '.langevin/venv/lib/python3.11/site-packages/torch'))
    const found = resolveLibtorch({ root: folder, env: { LIBTORCH: join(folder, 'typo') } })
    expect(found.prefix).toBeUndefined()
    expect(describeAttempts(found.attempts)).toMatch(/LIBTORCH .*typo: no such folder \(fix: set LIBTORCH/)
  })

  it('takes the PyTorch of python3 for LIBTORCH_USE_PYTORCH=1', () => {
    const torch = fakeLibtorch(join(folder, 'site-packages/torch'))
    const env = { PATH: fakePython(torch), LIBTORCH_USE_PYTORCH: '1' }
    expect(resolveLibtorch({ root: folder, env })).toMatchObject({
      prefix: torch,
      source: 'LIBTORCH_USE_PYTORCH',
      python: join(folder, 'bin/python3'),
    })
  })

  it('says so when that python3 has no torch', () => {
    const found = resolveLibtorch({ root: folder, env: { PATH: fakePython(''), LIBTORCH_USE_PYTORCH: '1' } })
    expect(found.prefix).toBeUndefined()
    expect(found.attempts.at(-1)).toMatchObject({ reason: 'it has no torch package', remedy: /pip install torch==/ })
  })

  it('takes the managed copy, and set-up provides it when it is missing', () => {
    const none = resolveLibtorch({ root: folder, env: {} })
    expect(none.attempts.map(({ source }: { source: string }) => source)).toEqual([
      'LIBTORCH',
      'LIBTORCH_USE_PYTORCH',
      'managed',
    ])
    expect(none.attempts.at(-1)).toMatchObject({ found: false, remedy: 'npm run setup' })
    const torch = fakeLibtorch(join(folder, '.langevin/venv/lib/python3.12/site-packages/torch'))
    expect(resolveLibtorch({ root: folder, env: {} })).toMatchObject({ prefix: torch, source: 'managed', cuda: false })
  })

  it('reads the version of the LibTorch this project was built with', () => {
    const { prefix, version } = resolveLibtorch({ root })
    expect(version).toBe(libtorchVersion(prefix))
    expect(version).toMatch(/^2\.\d+\.\d+$/)
  })
})

describe('cmake/libtorch.cmake', () => {
  /** Runs the resolution alone: the CMake file up to find_package, which needs a real LibTorch. */
  async function resolveByCmake(env: NodeJS.ProcessEnv): Promise<string> {
    const project = join(folder, 'project')
    mkdirSync(project, { recursive: true })
    writeFileSync(
      join(project, 'CMakeLists.txt'),
      `cmake_minimum_required(VERSION 3.25)
project(resolution LANGUAGES NONE)
macro(find_package name)
  message(STATUS "asked for \${name} in \${_prefix} by \${_source}")
  message(FATAL_ERROR "stop here")
endmacro()
include(${root}/cmake/libtorch.cmake)
langevin_find_libtorch()
`,
    )
    const result = await exec('cmake', ['-S', project, '-B', join(folder, 'out')], { env }).catch((error) => error)
    // CMake wraps long messages.
    return `${result.stdout}${result.stderr}`.replaceAll(/\s+/g, ' ')
  }
  const path = { PATH: process.env.PATH }

  it('follows the same order', async () => {
    const mine = fakeLibtorch(join(folder, 'mine'))
    const torch = fakeLibtorch(join(folder, 'site-packages/torch'))
    const home = join(folder, 'home')
    const managed = fakeLibtorch(join(home, 'venv/lib/python3.11/site-packages/torch'))
    const python = { PATH: fakePython(torch), LIBTORCH_USE_PYTORCH: '1', LANGEVIN_CACHE: home }
    expect(await resolveByCmake({ ...python, LIBTORCH: mine })).toContain(`asked for Torch in ${mine} by LIBTORCH`)
    expect(await resolveByCmake({ ...path, LANGEVIN_CACHE: home })).toContain(
      `asked for Torch in ${managed} by managed`,
    )
    expect(await resolveByCmake({ ...path, LANGEVIN_CACHE: folder })).toContain('asked for Torch in by cmake')
  })

  it('stops at a wrong LIBTORCH and names it', async () => {
    const text = await resolveByCmake({ ...path, LIBTORCH: join(folder, 'typo'), LANGEVIN_CACHE: folder })
    expect(text).toMatch(/LibTorch was not found\. Tried:.*typo: no such folder/)
    expect(text).not.toContain('asked for Torch')
  })

  it('stops when python3 has no torch', async () => {
    const text = await resolveByCmake({ PATH: fakePython(''), LIBTORCH_USE_PYTORCH: '1' })
    expect(text).toMatch(/has no torch package/)
  })
})

describe('compiled TypeScript', () => {
  it('loses outputs whose source is gone, and nothing else', () => {
    for (const name of ['src', 'dist/cli']) mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'src/kept.ts'), '')
    const kept = ['kept.js', 'kept.d.ts', 'kept.js.map', '.tsbuildinfo', 'langevin-stamp.json']
    for (const name of [...kept, 'gone.js', 'gone.d.ts', 'cli/gone.js.map'])
      writeFileSync(join(folder, 'dist', name), '')
    removeOrphans(folder)
    expect(readdirSync(join(folder, 'dist')).sort()).toEqual([...kept, 'cli'].sort())
    expect(readdirSync(join(folder, 'dist/cli'))).toEqual([])
  })
})

describe('the LibTorch at hand, by every way of asking', () => {
  const { prefix, version, python } = resolveLibtorch({ root })

  /** Configures a project that only finds LibTorch, and returns what CMake says. */
  async function configure(env: NodeJS.ProcessEnv): Promise<string> {
    const project = join(folder, 'project')
    mkdirSync(project, { recursive: true })
    writeFileSync(
      join(project, 'CMakeLists.txt'),
      `cmake_minimum_required(VERSION 3.25)
project(real LANGUAGES CXX)
include(${root}/cmake/libtorch.cmake)
langevin_find_libtorch()
get_target_property(libraries langevin_libtorch INTERFACE_LINK_LIBRARIES)
message(STATUS "links \${libraries}")
`,
    )
    const { stdout } = await exec('cmake', ['-G', 'Ninja', '-S', project, '-B', join(folder, 'out')], { env })
    return stdout
  }

  it('LIBTORCH', async () => {
    const text = await configure({ PATH: process.env.PATH, LIBTORCH: prefix })
    expect(text).toContain(`LibTorch ${version} (LIBTORCH) in ${prefix}`)
    expect(text).toMatch(/links .*torch/)
  })

  it('LIBTORCH_USE_PYTORCH=1', async ({ skip }) => {
    if (!python) return skip('this LibTorch has no Python beside it')
    const env = { PATH: `${dirname(python)}:${process.env.PATH}`, LIBTORCH_USE_PYTORCH: '1' }
    expect(resolveLibtorch({ root, env })).toMatchObject({ version, source: 'LIBTORCH_USE_PYTORCH' })
    expect(await configure(env)).toContain(`LibTorch ${version} (LIBTORCH_USE_PYTORCH) in `)
  })

  it("CMake's own search", async () => {
    const env = { PATH: process.env.PATH, CMAKE_PREFIX_PATH: prefix, LANGEVIN_CACHE: folder }
    expect(await configure(env)).toContain(`LibTorch ${version} (cmake) in ${prefix}`)
  })
})

describe('packages', () => {
  const lock = (packages: object) => JSON.stringify({ packages })

  function project(installed: object | undefined): string {
    const wanted = {
      '': {},
      'node_modules/a': { version: '1.2.3' },
      'node_modules/b': { version: '1.0.0', optional: true },
    }
    writeFileSync(join(folder, 'package-lock.json'), lock(wanted))
    mkdirSync(join(folder, 'node_modules/a'), { recursive: true })
    if (installed) writeFileSync(join(folder, 'node_modules/.package-lock.json'), lock(installed))
    return folder
  }

  it('asks for npm ci when the lock file and node_modules differ', () => {
    expect(packagesMismatch(project(undefined))).toMatch(/missing or incomplete/)
    expect(packagesMismatch(project({ 'node_modules/a': { version: '1.2.2' } }))).toMatch(/a 1\.2\.3 is not installed/)
    expect(packagesMismatch(project({ 'node_modules/a': { version: '1.2.3' } }))).toBeUndefined()
    rmSync(join(folder, 'node_modules/a'), { recursive: true })
    expect(packagesMismatch(folder)).toMatch(/a 1\.2\.3 is not installed/)
  })
})

describe('what set-up shows', () => {
  const written: string[] = []
  const terminal = process.stderr.isTTY
  beforeEach(() => {
    written.length = 0
    vi.useFakeTimers()
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
    process.stderr.isTTY = terminal
  })

  it('is a line every 15 s where nobody watches', () => {
    process.stderr.isTTY = false
    const end = showProgress('native', (seconds: number) => `${seconds} s`)
    vi.advanceTimersByTime(44_000)
    end()
    vi.advanceTimersByTime(60_000)
    expect(written).toEqual(['setup  native     15 s\n', 'setup  native     30 s\n'])
  })

  it('is one line drawn anew on a terminal, which words of its own clear', () => {
    process.stderr.isTTY = true
    const end = showProgress('native', (seconds: number) => `${seconds} s`)
    vi.advanceTimersByTime(1000)
    expect(written).toEqual(['\r\x1b[2Ksetup  native     0.5 s', '\r\x1b[2Ksetup  native     1 s'])
    say('stopped', 'by SIGINT')
    expect(written.at(-1)).toBe('\r\x1b[2Ksetup  stopped    by SIGINT\n')
    vi.advanceTimersByTime(500)
    end()
    expect(written.at(-1)).toBe('\r\x1b[2K')
  })

  it('counts the steps of a build and says how long the rest takes', () => {
    const { onLine, describe } = buildProgress()
    expect(describe(3)).toBe('configuring, 0:03 so far')
    onLine('[1/44] Building CXX object cmake_pch.hxx.gch')
    expect(describe(20)).toBe('1/44')
    onLine('some warning of [2/3] things')
    onLine('[11/44] Building CXX object a.o')
    expect(describe(40)).toBe('11/44, 2:00 left')
    expect([0, 59.6, 61, 600].map(clock)).toEqual(['0:00', '1:00', '1:01', '10:00'])
  })

  it('keeps the output of commands to the log', async () => {
    vi.useRealTimers()
    const log = join(folder, 'setup.log')
    logTo(log)
    expect(await run('sh', ['-c', 'echo out; echo err >&2'], { quiet: true })).toEqual({
      status: 0,
      tail: 'out\nerr\n',
    })
    expect(logFile()).toBeUndefined()
    const lines: string[] = []
    await run('sh', ['-c', 'echo one; printf tw; sleep 0.05; echo o'], { onLine: (line: string) => lines.push(line) })
    expect(lines).toEqual(['one', 'two'])
    expect(logFile()).toBe(log)
    expect(readFileSync(log, 'utf8')).toMatch(/^\d{4}-.*Z\n\n\$ sh -c .*\none\ntwo\n$/)
    expect(written).toEqual([])
  })
})

describe('a build', () => {
  it.each([
    [8, 64e9, '8'],
    [8, 8e9, '4'],
    [2, 1e9, '1'],
  ])('on %i cores with %d bytes compiles %s files at once', (cores, memory, jobs) => {
    expect(compilesAtOnce(cores, memory)).toBe(jobs)
  })

  it('folder that was copied from another place is removed, and set-up says so', () => {
    const build = join(folder, 'build')
    mkdirSync(build)
    const cache = (home: string) =>
      writeFileSync(join(build, 'CMakeCache.txt'), `CMAKE_HOME_DIRECTORY:INTERNAL=${home}\n`)
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    cache(folder)
    dropForeignCache(folder, build)
    expect(existsSync(build)).toBe(true)
    expect(write).not.toHaveBeenCalled()
    cache('/elsewhere')
    dropForeignCache(folder, build)
    expect(existsSync(build)).toBe(false)
    expect(write.mock.calls.join()).toMatch(/build\/ was configured for \/elsewhere: starting with an empty one/)
    write.mockRestore()
  })
})

describe('the lock', () => {
  it('lets one in and makes the other wait', async () => {
    const path = join(folder, 'setup.lock')
    const release = await takeLock(path)
    await expect(takeLock(path, { patience: 50, poll: 10 })).rejects.toThrow(/another set-up \(process \d+/)
    release()
    const again = await takeLock(path, { patience: 50, poll: 10 })
    again()
    expect(existsSync(path)).toBe(false)
  })

  it('takes over from a process that is gone, even when its number was given away', async () => {
    const path = join(folder, 'setup.lock')
    const { hostname } = await import('node:os')
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: '1', host: hostname() }))
    const release = await takeLock(path, { patience: 50, poll: 10 })
    expect(JSON.parse(readFileSync(path, 'utf8')).started).not.toBe('1')
    release()
    writeFileSync(path, '')
    const later = await takeLock(path, { patience: 500, poll: 5 })
    later()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('scripts/setup.mjs', () => {
  it('says clearly that the disk is too full', () => {
    expect(() => checkSpace(folder, 1e18, 'the native build')).toThrow(/the native build needs 1000000000\.0 GB, but/)
    expect(checkSpace(folder, 1, 'the native build')).toBeUndefined()
  })

  it('skips every step when everything is present, offline', async () => {
    const addon = join(root, 'build/Release/langevin.node')
    const before = statSync(addon)
    // Proxies that lead nowhere: any access to the network would fail.
    const env = { ...process.env, http_proxy: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9' }
    const { stdout, stderr } = await exec(process.execPath, [join(root, 'scripts/setup.mjs')], { env })
    expect(stdout).toBe('')
    for (const step of ['packages', 'libtorch', 'native', 'typescript']) {
      expect(stderr).toMatch(new RegExp(`^setup {2}${step} +skipped: `, 'm'))
    }
    expect(statSync(addon).mtimeMs).toBe(before.mtimeMs)
  })

  it('refuses a step that does not exist', async () => {
    const run = exec(process.execPath, [join(root, 'scripts/setup.mjs'), '--only', 'natve'])
    await expect(run).rejects.toThrow(/unknown step "natve"/)
  })

  /** A project with the real set-up scripts and a pip that does what the test says. */
  function projectWithPip(pip: string): { project: string; env: NodeJS.ProcessEnv } {
    const project = join(folder, 'project')
    mkdirSync(join(project, 'scripts'), { recursive: true })
    symlinkSync(join(root, 'scripts/reference'), join(project, 'scripts/reference'))
    for (const name of ['setup.mjs', ...readdirSync(join(root, 'scripts/setup')).map((file) => `setup/${file}`)]) {
      mkdirSync(dirname(join(project, 'scripts', name)), { recursive: true })
      writeFileSync(join(project, 'scripts', name), readFileSync(join(root, 'scripts', name)))
    }
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    const python = join(bin, 'python3')
    const make = `mkdir -p "$3/bin" && cp "$0" "$3/bin/python"`
    writeFileSync(
      python,
      `#!/bin/sh\ncase "$1 $2" in\n"-c import sys, venv"*) echo 3.11.2;;\n"-m venv") ${make};;\n"-m pip") ${pip};;\nesac\n`,
    )
    chmodSync(python, 0o755)
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
    for (const name of ['LIBTORCH', 'LIBTORCH_USE_PYTORCH', 'LANGEVIN_CACHE']) delete env[name]
    return { project, env }
  }
  const setupLibtorch = (project: string) => [join(project, 'scripts/setup.mjs'), '--only', 'libtorch']
  /** Waits until the set-up of a project has logged what matches. */
  async function logged(project: string, words: RegExp): Promise<void> {
    const log = join(project, '.langevin/setup.log')
    await vi.waitUntil(() => existsSync(log) && words.test(readFileSync(log, 'utf8')), { timeout: 15_000 })
  }

  it.each([
    ['echo "ERROR: No space left on device" >&2; exit 1', /pip ran out of disk space/, /free some space/],
    ['echo "ERROR: No matching distribution" >&2; exit 1', /pip could not install/, /LIBTORCH=\/path/],
    ['exit 0', /the environment pip made is not usable/, /pip config list/],
  ])('leaves no partial environment when pip does %j', async (pip, problem, remedy) => {
    const { project, env } = projectWithPip(pip)
    const failure = await exec(process.execPath, setupLibtorch(project), { env }).catch((error) => error)
    expect(failure.code).toBe(1)
    expect(failure.stderr).toMatch(problem)
    expect(failure.stderr).toMatch(remedy)
    expect(readdirSync(join(project, '.langevin'))).toEqual(['setup.log'])
  })

  it('keeps what the commands write in a log, and shows its end and names it on failure', async () => {
    const { project, env } = projectWithPip('seq 1 500; echo "ERROR: No matching distribution" >&2; exit 1')
    const failure = await exec(process.execPath, setupLibtorch(project), { env }).catch((error) => error)
    const log = join(project, '.langevin/setup.log')
    expect(failure.stderr).toMatch(/^ {4}500\n {4}ERROR: No matching distribution\nsetup {2}failed {5}pip could not/m)
    expect(failure.stderr).toContain(`everything the commands wrote is in ${log}`)
    expect(failure.stderr).not.toMatch(/^ *400$/m)
    expect(readFileSync(log, 'utf8')).toMatch(/^\$ .*pip install -q .*\n1\n2\n(.*\n)*400\n/m)
  })

  it('needs torch alone; what the tests compare with is installed when it is asked for, once', async () => {
    const { project, env } = projectWithPip('echo "$@" >> ../pip.txt; case "$*" in *--no-index*) exit 1;; esac')
    const venv = join(project, '.langevin/venv')
    mkdirSync(join(venv, 'bin'), { recursive: true })
    symlinkSync(join(folder, 'bin/python3'), join(venv, 'bin/python'))
    const reference = () =>
      exec(process.execPath, [setupLibtorch(project)[0] ?? '', '--only', 'reference'], { env, cwd: project })
    await reference()
    const calls = readFileSync(join(folder, 'pip.txt'), 'utf8').trim().split('\n')
    expect(calls).toHaveLength(2)
    expect(calls[1]).toMatch(/^-m pip install -q .* -r .*scripts\/reference\/requirements\.txt$/)
    expect((await reference()).stderr).toMatch(/reference +skipped: .*venv holds scripts\/reference/)
    expect(readFileSync(join(folder, 'pip.txt'), 'utf8').trim().split('\n')).toHaveLength(2)
    const packages = (path: string) =>
      [...readFileSync(join(root, path), 'utf8').matchAll(/^[\w-]+/gm)].map(([name]) => name)
    expect(packages('scripts/setup/requirements.txt')).toEqual(['torch'])
    expect(packages('scripts/reference/requirements.txt')).toEqual(['numpy', 'scikit-learn', 'safetensors', 'onnx'])
  })

  it('stops at once on Ctrl-C, says how to continue and leaves nothing', async () => {
    const { project, env } = projectWithPip('echo collecting torch; exec sleep 60')
    const child = spawn(process.execPath, setupLibtorch(project), { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', (chunk) => {
      text += chunk
    })
    const ended = new Promise((resolve) => child.on('close', resolve))
    await logged(project, /^collecting torch$/m)
    child.kill('SIGINT')
    expect(await ended).toBe(130)
    expect(text).toMatch(/stopped +by SIGINT.*to continue: npm run setup/)
    expect(readdirSync(join(project, '.langevin'))).toEqual(['setup.log'])
  }, 20_000)

  it('ends what its children started, and waiting for another set-up, on a signal to it alone', async () => {
    const { project, env } = projectWithPip('sleep 61 & echo collecting torch; wait')
    const start = () => spawn(process.execPath, setupLibtorch(project), { env, stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = (child: ReturnType<typeof start>) => new Promise((resolve) => child.on('close', resolve))
    const says = (child: ReturnType<typeof start>, words: string) =>
      new Promise<void>((resolve) => {
        child.stderr.on('data', (chunk) => String(chunk).includes(words) && resolve())
      })
    const first = start()
    await logged(project, /^collecting torch$/m)
    const second = start()
    await says(second, 'waiting for it')
    second.kill('SIGTERM')
    expect(await ended(second)).toBe(130)
    first.kill('SIGTERM')
    expect(await ended(first)).toBe(130)
    const { stdout } = await exec('ps', ['-eo', 'args'])
    expect(stdout).not.toMatch(/^sleep 61$/m)
    expect(readdirSync(join(project, '.langevin'))).toEqual(['setup.log'])
  }, 30_000)

  it('clears away what a killed set-up left', async () => {
    const { project, env } = projectWithPip('exit 1')
    mkdirSync(join(project, '.langevin/venv.partial-1/bin'), { recursive: true })
    const failure = await exec(process.execPath, setupLibtorch(project), { env }).catch((error) => error)
    expect(failure.stderr).toMatch(/removing venv\.partial-1/)
    expect(readdirSync(join(project, '.langevin'))).toEqual(['setup.log'])
  })
})
