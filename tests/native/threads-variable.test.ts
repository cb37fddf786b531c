/** LANGEVIN_THREADS says how many threads a job takes. */
import { expect, test } from 'vitest'
import { inProcess } from '../lifecycle/child.js'

async function told(threads: string): Promise<string> {
  const { stdout, stderr } = await inProcess(
    `
    try {
      console.log('tiles ' + (await langevin.threads()).tiles)
    } catch (error) {
      console.log(error.code + ' ' + error.message)
    }
    `,
    { waitingFor: 'a question for the number of threads', env: { LANGEVIN_THREADS: threads } },
  )
  expect(stderr).toBe('')
  return stdout.trim()
}

test('LANGEVIN_THREADS takes a number of threads, and refuses anything else by its name', async () => {
  expect(await told('3')).toBe('tiles 3')
  expect(await told('')).toMatch(/^tiles \d+$/)
  for (const wrong of ['abc', '0', '-2', '2.5', '4 cores', '99999999999'])
    expect(await told(wrong)).toBe(
      `ERR_LANGEVIN_INVALID_OPTION LANGEVIN_THREADS: '${wrong}' is not a number of threads; give a whole number from 1 to 1024, or unset it to use every core`,
    )
}, 60_000)
