// What check-cuda makes of ptxas and nvdisasm, on recorded text: a kernel that spills must fail, one that does not pass.
import { describe, expect, it } from 'vitest'

type Row = Record<string, unknown> & { mangled: string }
const report = new URL('../../scripts/test/cuda-report.mjs', import.meta.url).href
const { judge, kernelName, loadsOf, readPtxas, table } = await import(report)

const entry = '_ZN8langevin4cuda47_GLOBAL__N__fd36778d_14_tile_kernel_cu_bf1d624613langevinTilesENS0_6LaunchE'

// As nvcc 13.0.88 printed it: the first for sm_90, the second for sm_100 in a version that spilt.
const clean = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '${entry}' for 'sm_90'
ptxas info    : Function properties for ${entry}
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 167 registers, used 1 barriers
ptxas info    : Compile time = 16933.895 ms`
const spilt = `ptxas info    : Compiling entry function '${entry}' for 'sm_100'
ptxas info    : Function properties for ${entry}
    24 bytes stack frame, 28 bytes spill stores, 56 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 24 bytes cumulative stack size`

const sass = (...instructions: string[]) =>
  [
    `\t.section\t.text.${entry},"ax",@progbits`,
    ...instructions.map((i, n) => `        /*00${n}0*/                   ${i} ;`),
  ].join('\n')
const wide = sass('LDGSTS.E.BYPASS.128 [R9], [R4.64]', 'LDS.128 R4, [R2+0x10]', 'FFMA R4, R5, R6, R4')
const narrow = sass('LDG.E.CONSTANT R9, [R4.64]', 'LDS R4, [R2+0x10]', 'STL [R1+0x4], R9')

const rowsOf = (ptxas: string, code: string, arch: string) =>
  readPtxas(ptxas).map((row: Row) => ({ file: 'tile_kernel.cu', arch, ...row, loads: loadsOf(code)[row.mangled] }))

describe('check-cuda', () => {
  it('reads names, registers and spills', () => {
    expect(kernelName(entry)).toBe('langevinTiles')
    expect(readPtxas(clean)).toMatchObject([
      { kernel: 'langevinTiles', stack: 0, spillStores: 0, spillLoads: 0, registers: 167, shared: 0 },
    ])
    expect(loadsOf(wide)[entry]).toEqual({ shared: 1, global: 0, copies: 1, local: 0 })
  })

  it('passes a kernel without spills and with wide loads', () => {
    expect(judge(rowsOf(clean, wide, 'sm_90'), { expected: ['sm_90'] })).toEqual([])
  })

  it('fails a kernel that spills', () => {
    const problems = judge(rowsOf(spilt, wide, 'sm_100'), { expected: ['sm_100'] }).join('\n')
    expect(problems).toContain('spills 28 bytes out and 56 in')
  })

  it('fails a stack frame of more than the sine of large angles needs', () => {
    const framed = (bytes: number) => clean.replace('    0 bytes stack frame', `    ${bytes} bytes stack frame`)
    const problems = (bytes: number) => judge(rowsOf(framed(bytes), wide, 'sm_90'), { expected: ['sm_90'] }).join()
    expect(problems(32)).toBe('')
    expect(problems(40)).toContain('a stack frame of 40 bytes')
  })

  it('fails narrow loads and traffic with local memory', () => {
    const problems = judge(rowsOf(clean, narrow, 'sm_90'), { expected: ['sm_90'] }).join('\n')
    expect(problems).toContain('no 128-bit load from shared memory')
    expect(problems).toContain('no 128-bit load from global memory')
    expect(problems).toContain('1 accesses to local memory')
  })

  it('fails a report without the kernel, or without its numbers', () => {
    expect(judge([], { expected: ['sm_90'] })).toHaveLength(1)
    const truncated = readPtxas(clean.split('\n').slice(0, 3).join('\n')).map((row: Row) => ({
      file: '',
      arch: 'sm_90',
      ...row,
    }))
    expect(judge(truncated, { expected: ['sm_90'] }).length).toBeGreaterThan(1)
  })

  it('fails more registers than a block of 256 threads has', () => {
    const greedy = clean.replace('167 registers', '400 registers')
    expect(judge(rowsOf(greedy, wide, 'sm_90'), { expected: ['sm_90'] }).join()).toContain('400 registers are too many')
  })

  it('prints one line a kernel', () => {
    expect(table(rowsOf(clean, wide, 'sm_90')).split('\n')[2]).toBe(
      '| langevinTiles | sm_90 | 167 | 0 | 0/0 | 1 | 1 | 0 |',
    )
  })
})
