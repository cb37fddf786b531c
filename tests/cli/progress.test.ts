/** The progress line of the commands. */
import { afterEach, expect, it, vi } from 'vitest'
import { note, ProgressBar, setQuiet, warn } from '../../src/cli/support.js'

afterEach(() => {
  vi.restoreAllMocks()
  setQuiet(false)
})

/** What a bar says at shares of the work, at the given seconds. */
function lines(...at: readonly (readonly [seconds: number, done: number])[]): string[] {
  const said: string[] = []
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0)
  const bar = new ProgressBar()
  for (const [seconds, done] of at) {
    now = seconds * 1000
    bar.update(done, 'training')
  }
  return said
}

it('the time left counts from where a resumed run began', () => {
  // From half the way on, a quarter of the whole in 100 s: another quarter takes 100 s.
  const [, later] = lines([0, 0.5], [100, 0.75])
  expect(later).toContain('75 %  1 min 40 s left')
  const [, plain] = lines([0, 0], [100, 0.5])
  expect(plain).toContain('50 %  1 min 40 s left')
})

it('no time is told before there is any measure of it', () => {
  expect(lines([0, 0.9])[0]).toContain('… left')
})

it('quiet leaves warnings', () => {
  setQuiet(true)
  expect(lines([0, 0.1], [100, 0.5])).toEqual([])
  const said: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0)
  note('a note')
  warn('look out')
  expect(said).toEqual(['warning: look out\n'])
})
