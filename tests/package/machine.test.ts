/** What is asked of the machine before and after the addon is loaded: C library, processors allowed. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limitThreads, platformProblem } from '../../src/native/machine.js'

const { allowedProcessors, quota } = await import(new URL('../../scripts/setup/processors.mjs', import.meta.url).href)

describe('the platform', () => {
  const machine = { platform: 'linux', arch: 'x64', libc: 'glibc' }

  it('is this one', () => expect(platformProblem()).toBeUndefined())

  it('is Linux with glibc, by one sentence before anything is opened', () => {
    expect(platformProblem(machine)).toBeUndefined()
    // Unknown is not unfit.
    expect(platformProblem({ ...machine, libc: null })).toBeUndefined()
    expect(platformProblem({ ...machine, libc: 'musl' })).toMatch(/needs glibc, and this system has musl.*node:22-slim/)
    expect(platformProblem({ ...machine, platform: 'darwin', arch: 'arm64' })).toMatch(/this is darwin arm64/)
  })
})

describe('the number of threads', () => {
  /** An addon that keeps what the variable was when the core would have read it. */
  const asked = () => {
    const seen: Array<string | undefined> = []
    const callNow = () => seen.push(process.env.LANGEVIN_THREADS)
    return { addon: { callNow } as unknown as Parameters<typeof limitThreads>[0], seen }
  }

  it('is told to the core where a quota allows less than there is, and to nobody else', () => {
    const { addon, seen } = asked()
    const before = process.env.LANGEVIN_THREADS
    try {
      delete process.env.LANGEVIN_THREADS
      limitThreads(addon, 0.5 * availableParallelism())
      expect(seen).toEqual([String(0.5 * availableParallelism())])
      expect(process.env).not.toHaveProperty('LANGEVIN_THREADS')
      limitThreads(addon, availableParallelism())
      process.env.LANGEVIN_THREADS = '1'
      limitThreads(addon, 1)
      expect(seen).toHaveLength(1)
      expect(process.env.LANGEVIN_THREADS).toBe('1')
    } finally {
      if (before === undefined) delete process.env.LANGEVIN_THREADS
      else process.env.LANGEVIN_THREADS = before
    }
  })
})

describe('processors allowed', () => {
  let at = ''
  beforeEach(() => {
    at = mkdtempSync(join(tmpdir(), 'langevin-quota-'))
  })
  afterEach(() => rmSync(at, { recursive: true }))

  function files(content: Record<string, string>) {
    for (const [path, text] of Object.entries(content)) {
      mkdirSync(dirname(join(at, path)), { recursive: true })
      writeFileSync(join(at, path), `${text}\n`)
    }
  }

  it('are those of the affinity mask without a quota', () => {
    expect(quota(at)).toBe(Number.POSITIVE_INFINITY)
    files({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': 'max 100000' })
    expect(allowedProcessors({ cores: 8, at })).toBe(8)
  })

  it.each([
    ['200000 100000', 8, 2],
    // One thread more would be halted for a quarter of each period, and the others with it.
    ['250000 100000', 8, 2],
    ['50000 100000', 8, 1],
    ['800000 100000', 2, 2],
  ])('of cpu.max %s on %i cores are %i', (text, cores, allowed) => {
    files({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': text })
    expect(allowedProcessors({ cores, at })).toBe(allowed)
  })

  it('follow the least of the groups around this one', () => {
    files({
      'proc/self/cgroup': '0::/kubepods/pod1/main',
      'sys/fs/cgroup/kubepods/cpu.max': 'max 100000',
      'sys/fs/cgroup/kubepods/pod1/cpu.max': '300000 100000',
      'sys/fs/cgroup/kubepods/pod1/main/cpu.max': '600000 100000',
    })
    expect(quota(at)).toBe(3)
  })

  it('follow version 1 too', () => {
    files({
      'proc/self/cgroup': '7:memory:/a\n4:cpu,cpuacct:/docker/1\n0::/',
      'sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us': '150000',
      'sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
    })
    expect(quota(at)).toBe(1.5)
  })

  it('follow taskset, in the core as in set-up', () => {
    const script = new URL('../../scripts/setup/processors.mjs', import.meta.url).href
    const code = `import('${script}').then((m) => console.log(m.allowedProcessors()))`
    const text = execFileSync('taskset', ['-c', '0', process.execPath, '-e', code], { encoding: 'utf8' })
    expect(text.trim()).toBe('1')
  })
})
