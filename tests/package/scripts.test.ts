/** Commands of a checkout say what they take. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const folder = join(import.meta.dirname, '../../scripts')
const scripts = ['', 'bench']
  .flatMap((below) => readdirSync(join(folder, below)).map((name) => join(below, name)))
  .filter(
    (name) => name.endsWith('.mjs') && readFileSync(join(folder, name), 'utf8').includes('commandLine(import.meta'),
  )
// start.mjs reads dist/, which a checkout has only after its set-up.
const run = (name: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(folder, name), ...args], { encoding: 'utf8' })

describe('a script of a checkout', () => {
  it('is one of many', () => expect(scripts.length).toBeGreaterThan(12))

  it.each(scripts)('%s prints what it does and its options on --help', (name) => {
    const { status, stdout, stderr } = run(name, '--help')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^\w.* .*\n/)
    // How a script calls itself is not for users.
    for (const [, option] of readFileSync(join(folder, name), 'utf8').matchAll(/^ +'?([a-z-]+)'?: \{ type: '/gm))
      if (!['child', 'variant'].includes(option!)) expect(stdout).toContain(`--${option}`)
  })

  it.each(['test.mjs', 'reliability.mjs'])('%s refuses an option and a part that it does not have', (name) => {
    expect(run(name, '--onyl')).toMatchObject({ status: 2, stderr: expect.stringContaining("Unknown option '--onyl'") })
    expect(run(name, '--only', 'x')).toMatchObject({ status: 2, stderr: expect.stringContaining('unknown part "x"') })
  })
})
