/** The example of every page of docs/reference runs as it is, and prints what it says it prints. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import { expect, test } from 'vitest'
import * as langevin from '../../src/index.js'

const folder = fileURLToPath(new URL('../../docs/reference/', import.meta.url))
const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /[/\\].*\.md$/.test(path))

/** The program of a page, and what its comments beside or below console.log(...) say it prints. */
function exampleOf(page: string): { lines: string[]; printed: string[] } {
  const blocks = [...page.matchAll(/```js\n([\s\S]*?)\n```/g)]
  expect(blocks.length).toBe(1)
  const lines = blocks[0]![1]!.split('\n')
  const printed = lines.flatMap((line, i) => {
    if (!line.startsWith('console.log(')) return []
    return [/\) \/\/ (.*)$/.exec(line)?.[1] ?? /^\/\/ (.*)$/.exec(lines[i + 1] ?? '')?.[1] ?? '']
  })
  return { lines, printed }
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (library: typeof langevin, console: { log(...values: unknown[]): void }) => Promise<void>

test('every kind has a page', () => {
  expect(pages.length).toBeGreaterThan(80)
})

test.each(pages)('%s', async (path) => {
  const { lines, printed } = exampleOf(readFileSync(join(folder, path), 'utf8'))
  expect(lines.length).toBeLessThanOrEqual(10)
  expect(printed.length).toBeGreaterThan(0)
  const [first = '', ...rest] = lines
  const imported = /^import (\{.*\}) from 'langevin'$/.exec(first)?.[1]
  expect(imported).toBeDefined()
  const found: string[] = []
  const program = new AsyncFunction(
    'langevin',
    'console',
    `'use strict'; const ${imported} = langevin\n${rest.join('\n')}`,
  )
  await program(langevin, { log: (...values) => found.push(format(...values).replace(/\s+/g, ' ')) })
  expect(found).toEqual(printed)
})
