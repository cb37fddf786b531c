/** doctor(): its checks and its report. */
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { doctor, renderReport } from '../../src/doctor/index.js'
import { cpuFlags, mappedLibraries, openmp } from '../../src/doctor/probe.js'
import { nativePath } from '../../src/native/load.js'

describe('doctor', () => {
  it('finds this machine in order', async () => {
    const report = await doctor()
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([])
    expect(report.ok).toBe(true)
    expect(report.libtorch.compiled).toBe(report.libtorch.loaded)
    expect(realpathSync(report.libtorch.loadedFrom ?? '')).toBe(realpathSync(report.libtorch.resolvedFrom ?? ''))
    expect(report.addon.functions).toBeGreaterThan(10)
    // What is in the process, not what was looked for.
    expect(realpathSync(report.addon.path ?? '')).toBe(realpathSync(nativePath()))
    expect(report.addon.bytes).toBe(statSync(nativePath()).size)
    expect(report.libtorch.loadedBytes).toBe(
      statSync(join(report.libtorch.loadedFrom ?? '', 'lib/libtorch_cpu.so')).size,
    )
    expect(report.setup.command).toBe('npm run setup')
    expect(report.threads.allowed).toBeGreaterThanOrEqual(report.threads.pool ?? Number.NaN)
    expect(report.threads.intraOp).toBe(1)
    expect(report.threads.openmp).toMatch(/lib(gomp|iomp5|omp)/)
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    const text = renderReport(report)
    expect(text).toContain(`compiled with        ${report.libtorch.compiled}`)
    expect(text).toContain('Everything is in order.')
  })

  it('keeps failed attempts with the command that fixes them', async () => {
    const before = { ...process.env }
    process.env.LIBTORCH = '/nowhere/libtorch'
    process.env.LANGEVIN_ADDON = '/nowhere/langevin.node'
    try {
      const report = await doctor()
      expect(report.ok).toBe(false)
      const text = renderReport(report)
      expect(text).toContain('tried LIBTORCH /nowhere/libtorch: no such folder; fix: set LIBTORCH')
      expect(text).toContain('tried /nowhere/langevin.node: no such file; fix: npm run setup')
      expect(text).toMatch(/\d of \d+ checks failed\./)
    } finally {
      process.env = before
    }
  })

  it('reads instruction sets', () => {
    const info = (flags: string) => `processor : 0\nflags\t\t: fpu ${flags}\n`
    expect(cpuFlags(info('avx2 fma'))).toEqual({ avx2: true, avx512: false, bf16: false, amx: false })
    expect(cpuFlags(info('avx2'))).toMatchObject({ avx2: false })
    const server = 'avx2 fma avx512f avx512bw avx512dq avx512vl avx512_bf16 amx_tile amx_bf16'
    expect(cpuFlags(info(server))).toEqual({ avx2: true, avx512: true, bf16: true, amx: true })
    expect(cpuFlags('')).toEqual({ avx2: false, avx512: false, bf16: false, amx: false })
  })

  it('reads mapped libraries and the waiting policy', () => {
    const maps =
      '7f00-7f01 r-xp 0 08:01 5 /opt/my lib/libgomp.so.1\n7f02-7f03 rw-p 0 08:01 5 /opt/my lib/libgomp.so.1\n'
    expect(mappedLibraries(/^libgomp/, maps)).toEqual(['/opt/my lib/libgomp.so.1'])
    expect(mappedLibraries(/^node$/, readFileSync('/proc/self/maps', 'utf8')).length).toBeLessThan(2)
    expect(openmp({ OMP_WAIT_POLICY: 'PASSIVE' }).waitPolicy).toBe('OMP_WAIT_POLICY=PASSIVE')
    expect(openmp({}).waitPolicy).toContain('default')
  })
})
