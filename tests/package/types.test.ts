/** Types as a user of the package meets them: what must not compile does not, and editors show the documentation. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'
import {
  energies,
  inferences,
  layers,
  networks,
  noises,
  objectives,
  optimizers,
  perturbations,
  samplers,
  schedules,
} from '../../src/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

const cases = join(root, 'tests', 'package', 'type-cases.ts')
/** A file that is nowhere but here. */
const file = join(root, 'tests', 'package', 'hover.ts')

/** The language service as an editor runs it, with the file of the cases, and one of this text. */
function editor(text: string): ts.LanguageService {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const read = (path: string) => (path === file ? text : ts.sys.readFile(path))
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file, cases],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const content = read(path)
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => path === file || ts.sys.fileExists(path),
    readFile: read,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  }
  return ts.createLanguageService(host)
}

test('what must not compile does not, and an editor shows the documentation of every factory', () => {
  const families = {
    energies,
    inferences,
    layers,
    networks,
    noises,
    objectives,
    optimizers,
    perturbations,
    samplers,
    schedules,
  }
  const names = Object.entries(families).flatMap(([family, all]) => Object.keys(all).map((kind) => `${family}.${kind}`))
  expect(names.length).toBeGreaterThan(70)
  const head = `import { ${Object.keys(families).join(', ')} } from '../../src/index.js'\n`
  const service = editor(head + names.map((name) => `void ${name}`).join('\n'))
  let at = head.length
  const bare: string[] = []
  for (const name of names) {
    const info = service.getQuickInfoAtPosition(file, at + 'void '.length + name.length - 1)
    if (ts.displayPartsToString(info?.documentation).length < 20) bare.push(name)
    at += `void ${name}\n`.length
  }
  expect(bare).toEqual([])
  const problems = [...service.getSyntacticDiagnostics(cases), ...service.getSemanticDiagnostics(cases)]
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
}, 240_000)
