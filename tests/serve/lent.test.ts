/** Memory that requests lend: nobody else has it meanwhile, and it comes back. */
import { expect, test } from 'vitest'
import { giveBack, lend } from '../../src/serve/lent.js'

test("what is lent is nobody else's until it is given back", () => {
  const [first, second] = [lend(1000), lend(1000)]
  expect([first.length, second.length]).toEqual([1000, 1000])
  expect(first.buffer).not.toBe(second.buffer)
  giveBack(first)
  giveBack(first)
  const [again, other] = [lend(900), lend(900)]
  expect(again.buffer).toBe(first.buffer)
  expect(again).toHaveLength(900)
  expect(other.buffer).not.toBe(again.buffer)
  expect(other.buffer).not.toBe(second.buffer)
  for (const each of [again, other, second]) giveBack(each)
})

test('lends any number of numbers, and keeps only so much', () => {
  const many = Array.from({ length: 12 }, () => lend(2 ** 19))
  for (const each of many) giveBack(each)
  const kept = new Set(many.map(({ buffer }) => buffer))
  const found = Array.from({ length: 12 }, () => lend(2 ** 19)).filter(({ buffer }) => kept.has(buffer))
  // 32 MiB in pieces of 4 MiB.
  expect(found.length).toBeLessThanOrEqual(8)
  expect(found.length).toBeGreaterThan(0)
  const large = lend(2 ** 23)
  giveBack(large)
  expect(lend(2 ** 23).buffer).not.toBe(large.buffer)
  expect(lend(0)).toHaveLength(0)
})
