/** LANGEVIN_ISA selects the instruction set of the kernels. */
import { expect, test } from 'vitest'
import { inProcess } from '../lifecycle/child.js'

/** The code and message of what Energy.create ends in with LANGEVIN_ISA set, or the instruction set it took. */
async function created(isa: string): Promise<string> {
  const { stdout, stderr } = await inProcess(
    `
    try {
      const { instructionSet } = await (await makeModel()).explain()
      console.log('took ' + instructionSet)
    } catch (error) {
      console.log(error.code + ' ' + error.message)
    }
    `,
    { waitingFor: 'an energy to be created', env: { LANGEVIN_ISA: isa } },
  )
  expect(stderr).toBe('')
  return stdout.trim()
}

test('LANGEVIN_ISA takes what it names, and says so when it cannot', async () => {
  expect(await created('default')).toBe('took default')
  expect(await created('')).toMatch(/^took (default|avx2|avx512|avx512_bf16)$/)
  expect(await created('avx-512')).toMatch(
    /^ERR_LANGEVIN_INVALID_OPTION LANGEVIN_ISA: unknown instruction set 'avx-512'; use one of default, avx2, avx512, avx512_bf16 \(default.* here\)/,
  )
  // Of a set this processor lacks the refusal says what it has; where it has them all, the highest is taken.
  expect(await created('avx512_bf16')).toMatch(/^took avx512_bf16$|^ERR_LANGEVIN_UNSUPPORTED .*use one of default/)
}, 60_000)
