/** What the tests of langevin/scorer share. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A folder that is removed when the tests of a file have ended. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'langevin-scorer-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The bits of numbers: unlike `toEqual` it tells 0 from -0, and says nothing of a million numbers that are alike. */
export function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  return a.constructor === b.constructor && bytes(a).equals(bytes(b))
}
