/** metrics.jsonl and the thinned series that is made of it. */
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type MetricsLine, MetricsReader, MetricsWriter, metricsLines } from '../../src/runs/metrics.js'
import { Series } from '../../src/runs/series.js'
import { temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('metrics')
const FileHandle = await open('/dev/null').then(async (handle) => {
  await handle.close()
  return handle.constructor as { prototype: typeof handle }
})
const fail = (error: Error) => {
  throw error
}
const line = (step: number, more: Record<string, unknown> = {}) =>
  ({ type: 'progress', time: '', step, steps: 1e6, seconds: 1, stepsPerSecond: 1, loss: step, ...more }) as MetricsLine

async function all(path: string): Promise<MetricsLine[]> {
  const lines: MetricsLine[] = []
  for await (const each of metricsLines(path)) lines.push(each)
  return lines
}

describe('metrics.jsonl', () => {
  it('is appended line by line, and continues after a half line', async () => {
    const path = join(folder, 'torn.jsonl')
    const first = await MetricsWriter.open(path, fail)
    for (let step = 1; step <= 3; step++) first.write(line(step))
    await first.close()
    // As a process leaves it that is killed while it writes.
    truncateSync(path, readFileSync(path).length - 10)
    expect((await all(path)).map(({ step }) => step)).toEqual([1, 2])
    const second = await MetricsWriter.open(path, fail)
    second.write(line(4))
    await second.close()
    expect((await all(path)).map(({ step }) => step)).toEqual([1, 2, 4])
  })

  it('is read wherever it is cut off, and whatever is written into it, without an error', async () => {
    const path = join(folder, 'cut.jsonl')
    const whole = Buffer.from([1, 2, 3].map((step) => `${JSON.stringify(line(step, { name: 'ü€' }))}\n`).join(''))
    const each = whole.length / 3
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (length) => {
        writeFileSync(path, whole.subarray(0, length))
        expect(await all(path)).toHaveLength(Math.floor(length / each))
      }),
      { numRuns: 100 },
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        writeFileSync(path, Buffer.concat([bytes, Buffer.from('\n'), whole]))
        expect((await all(path)).slice(-3).map(({ step }) => step)).toEqual([1, 2, 3])
      }),
      { numRuns: 100 },
    )
  })

  it('is read on from where a reader was, and from the start when it is made anew', async () => {
    const path = join(folder, 'grows.jsonl')
    const reader = new MetricsReader(path)
    expect(await reader.read()).toEqual({ lines: [], more: false, anew: false })
    const text = (step: number) => `${JSON.stringify(line(step))}\n`
    writeFileSync(path, text(1) + text(2).slice(0, 20))
    expect((await reader.read()).lines.map(({ step }) => step)).toEqual([1])
    appendFileSync(path, text(2).slice(20) + text(3))
    expect((await reader.read()).lines.map(({ step }) => step)).toEqual([2, 3])
    rmSync(path)
    writeFileSync(path, text(7))
    const { lines, anew } = await reader.read()
    expect([lines.map(({ step }) => step), anew]).toEqual([[7], true])
  })

  it('gets every line, also those that are written just as the last ones have been', async () => {
    const path = join(folder, 'gap.jsonl')
    const writer = await MetricsWriter.open(path, fail)
    const { appendFile } = FileHandle.prototype
    let step = 0
    // Microtasks after the end of a write, one deeper each time: one of them lies between its last look and its end.
    const deeper = (depth: number): void =>
      queueMicrotask(() => (depth > 0 ? deeper(depth - 1) : writer.write(line(++step))))
    const spy = vi.spyOn(FileHandle.prototype, 'appendFile').mockImplementation(async function (this: never, ...args) {
      await Reflect.apply(appendFile, this, args)
      if (step < 8) deeper(step)
    })
    writer.write(line(++step))
    await expect.poll(() => step).toBe(8)
    await writer.close()
    spy.mockRestore()
    expect((await all(path)).map((each) => each.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('of a disk that fails tells once, and the run goes on', async () => {
    // Always full.
    const errors: string[] = []
    const writer = await MetricsWriter.open('/dev/full', (error) => errors.push(error.message))
    for (let step = 0; step < 5; step++) {
      writer.write(line(step))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await writer.close()
    expect(errors).toEqual([expect.stringContaining('the disk is full')])
  })
})

describe('a series', () => {
  it('of a million steps stays small, keeps the mean, and ends at the last step', () => {
    const series = new Series(1500)
    for (let step = 1; step <= 1_000_000; step++) series.add(line(step))
    const points = series.points()
    expect(points.length).toBeGreaterThan(500)
    expect(points.length).toBeLessThanOrEqual(1501)
    expect(points.at(-1)!.step).toBe(1_000_000)
    // Every point is the mean of as many measurements as the one before, but for the last: here loss = step.
    const each = points[1]!.step - points[0]!.step
    for (const { step, loss } of points.slice(0, -1)) expect(loss).toBeCloseTo(step - (each - 1) / 2, 6)
  })

  it('tells a reader what is new, or that all is', () => {
    const series = new Series(4)
    for (const step of [1, 2]) series.add(line(step))
    const { generation } = series
    const { points, tail } = series.from(1)
    expect([points.map(({ step }) => step), tail]).toEqual([[2], undefined])
    for (const step of [3, 4]) series.add(line(step))
    expect(series.generation).not.toBe(generation)
    expect(series.points().map(({ step, loss }) => [step, loss])).toEqual([
      [2, 1.5],
      [4, 3.5],
    ])
    series.add(line(5))
    expect(series.from(2)).toMatchObject({ points: [], tail: { step: 5, loss: 5 } })
  })

  it('takes the steps after the checkpoint of a resumed run anew', () => {
    const series = new Series(100)
    for (const step of [10, 20, 30]) series.add(line(step))
    const { generation } = series
    series.add({ type: 'resume', time: '', step: 20 })
    series.add(line(25))
    expect(series.points().map(({ step }) => step)).toEqual([10, 20, 25])
    expect(series.generation).not.toBe(generation)
  })

  it('leaves out what is no number, and averages each monitor over the lines that have it', () => {
    const series = new Series(2)
    series.add(line(1, { loss: null, gap: 2, code: 'x' }))
    series.add(line(2, { loss: 3 }))
    expect(series.points()).toEqual([{ step: 2, loss: 3, gap: 2 }])
  })
})
