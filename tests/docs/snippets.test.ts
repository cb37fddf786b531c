/** Every snippet of the documents, and every example, runs as pasted. */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/errors.js'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
// Inside the package, so that `import 'langevin'` finds it by its own name.
const folder = join(root, '.langevin', `snippets-${process.pid}`)

function documents(): string[] {
  const pages = ['docs', 'docs/guides'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  )
  return ['README.md', ...pages]
}

interface Snippet {
  file: string
  line: number
  code: string
}

function snippets(file: string): Snippet[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((m) => ({
    file,
    line: text.slice(0, m.index).split('\n').length,
    code: m[1]!,
  }))
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function execute(name: string, code: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  writeFileSync(path, outputText)
  const { stdout } = await run(process.execPath, [path], { cwd: root, timeout: 120_000 })
  return stdout
}

/** What a newcomer runs first ends well: no findings, mixed chains, few false alarms. */
function judgeFirstExample(said: string) {
  expect(said.match(/No problems found/g), said).toHaveLength(2)
  const number = (name: string) => Number(said.match(new RegExp(`${name} ([.\\d]+)`))?.[1])
  expect(number('R-hat')).toBeLessThan(1.05)
  expect(number('AUROC')).toBeGreaterThan(0.96)
  expect(number('FPR95')).toBeLessThan(0.15)
}

describe('every snippet of the documents runs as pasted', () => {
  const all = documents().flatMap(snippets)
  it('finds the README example', () => {
    expect(all.some((s) => s.file === 'README.md')).toBe(true)
  })
  it.each(all)(
    '$file line $line',
    async ({ file, line, code }) => {
      const said = await execute(`${file.replace(/\W/g, '-')}-${line}.mjs`, code)
      if (file === 'README.md' && code.includes('FPR95')) judgeFirstExample(said)
    },
    130_000,
  )
})

function judgeAnomalies(stdout: string) {
  expect(stdout).toContain('No problems found')
  const [odd, all] = stdout
    .match(/(\d+) of (\d+) malignant rows are odd/)!
    .slice(1)
    .map(Number)
  expect(all).toBe(212)
  expect(odd! / all!).toBeGreaterThan(0.75)
  expect(stdout.match(/^row \d+: energy .* standard deviations off$/gm)).toHaveLength(5)
}

describe('examples', () => {
  const names = readdirSync(join(root, 'examples')).filter((n) => n.endsWith('.mjs'))
  it('are all listed, and those that are listed exist', () => {
    const listed = readFileSync(join(root, 'examples', 'README.md'), 'utf8')
    expect([...listed.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name).sort()).toEqual([...names].sort())
    expect(names.length).toBeGreaterThan(2)
  })
  it.each(names)(
    '%s',
    async (name) => {
      const { stdout } = await run(process.execPath, [join('examples', name)], { cwd: root, timeout: 120_000 })
      expect(stdout.length).toBeGreaterThan(0)
      if (name === 'checkpoint.mjs') expect(stdout).toContain('same weights: true')
      if (name === 'anomaly.mjs') judgeAnomalies(stdout)
    },
    130_000,
  )
})

describe('documents', () => {
  it('explain every error code and invent none', () => {
    const text = readFileSync(join(root, 'docs', 'errors.md'), 'utf8')
    const named = new Set(text.match(/ERR_LANGEVIN_[A-Z_]+/g))
    expect([...named].sort()).toEqual([...ERROR_CODES].sort())
  })
  it('link to files that exist', () => {
    for (const file of documents()) {
      const text = readFileSync(join(root, file), 'utf8')
      for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        const path = join(root, file, '..', link!)
        expect(() => readdirSync(join(path, '..')), `${file}: ${link}`).not.toThrow()
        expect(readdirSync(join(path, '..')), `${file} links to ${link}`).toContain(path.split('/').pop())
      }
    }
  })
  it('has reference pages that match the sources', async () => {
    await run(process.execPath, ['scripts/docs-reference.mjs', '--check'], { cwd: root })
  })
})
