/** The scorer in WebAssembly against the native one. The module is built by `npm run build:wasm`, where a clang for wasm32 is there. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { detectors, Energy, energies, ood } from '../../src/index.js'
import { loadScorer as loadNative } from '../../src/scorer/index.js'
import { loadScorer, type Scorer } from '../../src/scorer/wasm.js'
import { numbers, subjects, widthOf } from '../energies/parity-subjects.js'
import { rejection } from '../helpers/errors.js'
import { sameBits, scratchFolder } from './support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const module = join(root, 'dist/scorer/scorer.wasm')
const built = existsSync(module)
const folder = scratchFolder()
const path = join(folder, 'model.scorer')
/**
 * Against another instruction set: sums in another order, and products that are rounded before they are added. The bounds of
 * the comparison with PyTorch (tests/energies/parity.test.ts), relative to the largest value.
 */
const TOLERANCE = { float32: 1e-6, float64: 1e-12 }

const open: Scorer[] = []
afterEach(() => {
  for (const scorer of open.splice(0)) scorer.dispose()
})
async function loaded(bytes: Uint8Array = readFileSync(path)): Promise<Scorer> {
  const scorer = await loadScorer(bytes, readFileSync(module))
  open.push(scorer)
  return scorer
}

/** The largest difference in units of the largest value. NaN on either side passes no bound. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const largest = Math.max(...Array.from(b, Math.abs))
  return Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!))) / largest
}

const condition = ({ classes, condition: width }: (typeof subjects)[number], rows: number) => {
  if (classes) return { y: Array.from({ length: rows }, (_, r) => (r * 7 + 3) % classes) }
  return width ? { y: numbers(rows, width, 100) } : {}
}

describe.skipIf(!built)(
  `the module ${built ? '' : '(not built: npm run build:wasm, with a clang for wasm32-wasi)'}`,
  () => {
    const cases = subjects.flatMap((subject) =>
      (['float32', 'float64'] as const).map((dtype) => ({ name: `${subject.name}, ${dtype}`, subject, dtype })),
    )
    it.each(cases)('$name', async ({ subject, dtype }) => {
      await using model = await Energy.create(subject.spec, { dtype, seed: 3 })
      await model.exportScorer(path)
      using native = loadNative(path)
      const wasm = await loaded()
      expect(wasm.info).toEqual({ ...native.info, instructionSet: 'wasm' })
      for (const rows of [1, 300]) {
        const x = numbers(rows, widthOf(subject.spec), rows)
        const more = condition(subject, rows)
        expect(difference(wasm.energy(x, more), native.energy(x, more))).toBeLessThan(TOLERANCE[dtype])
        expect(difference(wasm.score(x, more), native.score(x, more))).toBeLessThan(TOLERANCE[dtype])
      }
    })

    it('has the bits of the native kernels of 128 bits', async () => {
      await using model = await Energy.create(energies.mlp({ input: 13, hidden: [129, 67], activation: 'gelu' }), {
        seed: 1,
      })
      await model.exportScorer(path)
      const x = numbers(1000, 13, 1)
      const rows = join(folder, 'rows.json')
      writeFileSync(rows, JSON.stringify(x))
      const compiled = pathToFileURL(join(root, 'dist/scorer/index.js')).href
      const script = `
      import { readFileSync } from 'node:fs'
      import { loadScorer } from ${JSON.stringify(compiled)}
      const energies = loadScorer(${JSON.stringify(path)}).energy(JSON.parse(readFileSync(${JSON.stringify(rows)}, 'utf8')))
      console.log(JSON.stringify([...energies]))`
      const env = { PATH: process.env.PATH, LANGEVIN_ISA: 'default' }
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' })
      const wasm = await loaded()
      expect(sameBits(wasm.energy(x), Float32Array.from(JSON.parse(said) as number[]))).toBe(true)
    })

    it('decides as the native one', async () => {
      await using model = await Energy.create(energies.mlp({ input: 3, hidden: [16], gaussianBase: 1 }))
      const heldOut = numbers(200, 3, 1)
      await using fitted = await ood.fit(detectors.energy(model), undefined, { heldOut, fpr: 0.1 })
      await fitted.exportScorer(path)
      using native = loadNative(path)
      const wasm = await loaded()
      const rows = numbers(50, 3, 2).map((row, i) => row.map((v) => v * (1 + (i % 3))))
      const [here, there] = [wasm.decide(rows), native.decide(rows)]
      expect(here.accept).toEqual(there.accept)
      expect(here.accept).toContain(false)
      expect(difference(here.scores, there.scores)).toBeLessThan(TOLERANCE.float32)
    })

    it('has coded errors, and its stack back after each', async () => {
      await using model = await Energy.create(energies.classifier({ input: 3, hidden: [4], classes: 2 }))
      await model.exportScorer(path)
      const wasm = await loaded()
      const rows = [[1, 2, 3]]
      const before = wasm.energy(rows, { y: [1] })
      // A stack of 1 MB that lost a frame at each of them would be gone.
      for (let i = 0; i < 20_000; i++) {
        try {
          wasm.energy(rows, { y: [2] })
          expect.unreachable()
        } catch (error) {
          expect((error as { code: string }).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
        }
      }
      expect(wasm.energy(rows, { y: [1] })).toEqual(before)
      wasm.dispose()
      expect((await rejection(() => wasm.energy(rows))).code).toBe('ERR_LANGEVIN_DISPOSED')
    })

    it('refuses what is not sound', async () => {
      await using model = await Energy.create(energies.mlp({ input: 3, hidden: [4] }))
      await model.exportScorer(path)
      const bytes = readFileSync(path)
      // Same length, so that the file stays whole: another operation, and a width that fits nothing.
      const changed = (from: string, to: string) => {
        const at = bytes.indexOf(from)
        expect(at).toBeGreaterThan(0)
        const copy = Uint8Array.from(bytes)
        copy.set(Buffer.from(to), at)
        return copy
      }
      const quoted = (text: string) => text.replaceAll('"', '\\"')
      for (const file of [
        changed('linear', 'system'),
        changed(quoted('"width":4'), quoted('"width":5')),
        bytes.subarray(0, 99),
      ]) {
        expect((await rejection(() => loaded(file))).code).toBe('ERR_LANGEVIN_FORMAT')
      }
    })
  },
)

describe('langevin/scorer/wasm', () => {
  // Imports of types are gone when it runs.
  const NAMED = /^(?:import|export)\s+(?!type\b)[^;'"]*?\bfrom\s*'([^']+)'/gm

  it('imports nothing of Node.js', () => {
    const seen = new Set<string>()
    const foreign: string[] = []
    const visit = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(NAMED)) {
        if (target.startsWith('.')) visit(join(file, '..', target.replace(/\.js$/, '.ts')))
        else foreign.push(`${file}: ${target}`)
      }
    }
    visit(join(root, 'src/scorer/wasm.ts'))
    expect(seen.size).toBeGreaterThan(5)
    expect(foreign).toEqual([])
  })
})
