/** Scorer files from elsewhere, cut, changed and hostile ones: coded errors, bounded memory, never a crash. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CompiledFile, type CompiledNode, SCORER_KEY } from '../../src/compiled/format.js'
import { Energy, energies, expr, LangevinError } from '../../src/index.js'
import { decode, type StoredTensor, writeSafetensors } from '../../src/io/safetensors.js'
import { parseSafetensors } from '../../src/io/safetensors-format.js'
import { loadScorer } from '../../src/scorer/index.js'
import { refusal, rejection } from '../helpers/errors.js'
import { scratchFolder } from './support.js'

const folder = scratchFolder()
const path = join(folder, 'changed.scorer')
/** A classifier has layers, a constant-free program with labels; the formula has constants, columns and sums. */
let classifier: Buffer
let formula: Buffer

beforeAll(async () => {
  const written = async (spec: Parameters<typeof Energy.create>[0]) => {
    await using model = await Energy.create(spec, { seed: 1 })
    await model.exportScorer(path)
    return readFileSync(path)
  }
  classifier = await written(energies.classifier({ input: 3, hidden: [8], classes: 4, gaussianBase: 'full' }))
  const turn = [
    [1, 0.5],
    [-1, 2],
    [0.25, 0],
  ]
  formula = await written(
    energies.expression(
      (x) =>
        expr
          .concat(x, expr.matmul(x, turn))
          .square()
          .sum()
          .add(x.columns([2, 0]).sum()),
      {
        input: 3,
      },
    ),
  )
})

type Loose = { -readonly [K in keyof CompiledFile]: CompiledFile[K] } & Record<string, unknown>
interface Parts {
  file: Loose
  nodes: (Record<string, unknown> & CompiledNode)[]
  program: Record<string, unknown>
  tensors: Record<string, StoredTensor>
}

/** A file with something changed, and the error it gives. */
async function changed(bytes: Buffer, change: (parts: Parts) => void): Promise<LangevinError> {
  const { tensors, metadata } = parseSafetensors('base', bytes, decode)
  const file = JSON.parse(metadata[SCORER_KEY]!) as Loose
  const program = file.models[0]!.program as unknown as Record<string, unknown>
  const parts: Parts = { file, program, nodes: program.nodes as Parts['nodes'], tensors: { ...tensors } }
  change(parts)
  await writeSafetensors(path, parts.tensors, { ...metadata, [SCORER_KEY]: JSON.stringify(file) })
  return refusal(() => loadScorer(path))
}

const nodeOf = ({ nodes }: Parts, op: string) => nodes.find((node) => node.op === op)!
const set = (target: unknown, values: object) => void Object.assign(target as object, values)

describe('a scorer file', () => {
  it('that is not there', () => {
    expect(refusal(() => loadScorer(join(folder, 'none'))).code).toBe('ERR_LANGEVIN_IO')
    expect(refusal(() => loadScorer(folder)).code).toBe('ERR_LANGEVIN_IO')
    expect(refusal(() => loadScorer(7 as never)).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })

  it('of another format says what it is and what to use', async () => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
    await model.save(path)
    const error = refusal(() => loadScorer(path))
    expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
    expect(error.message).toMatch(/family is 'energy'.*exportScorer/)
    await model.exportScorer(path)
    expect((await rejection(() => Energy.load(path))).message).toMatch(/loadScorer of langevin\/scorer/)
    writeFileSync(path, 'PK\x03\x04 something else')
    expect(refusal(() => loadScorer(path)).code).toBe('ERR_LANGEVIN_FORMAT')
  })

  it('cut at any byte', () => {
    for (let length = 0; length < classifier.length; length += length < 64 ? 1 : 61)
      expect(refusal(() => loadScorer(classifier.subarray(0, length))).code).toBe('ERR_LANGEVIN_FORMAT')
  })

  const cases: [string, 'classifier' | 'formula', (parts: Parts) => void, RegExp][] = [
    ['a newer version', 'formula', ({ file }) => set(file, { version: 2 }), /version 2.*update langevin/],
    ['no version', 'formula', ({ file }) => set(file, { version: undefined }), /version/],
    ['no energies', 'formula', ({ file }) => set(file, { models: [] }), /no energies/],
    [
      'two energies and no detector',
      'formula',
      ({ file, tensors }) => {
        set(file, { models: [file.models[0], file.models[0]] })
        for (const name of Object.keys(tensors)) tensors[name.replace('models.0', 'models.1')] = tensors[name]!
      },
      /no detector/,
    ],
    ['another dtype', 'classifier', ({ file }) => set(file.models[0], { dtype: 'float64' }), /is float32, not float64/],
    ['a missing tensor', 'classifier', ({ tensors }) => delete tensors['models.0.0.weight'], /0\.weight' is missing/],
    [
      'a short tensor',
      'classifier',
      ({ tensors }) => set(tensors, { 'models.0.0.weight': { dtype: 'float32', shape: [1], data: new Uint8Array(4) } }),
      /does not fit the widths/,
    ],
    [
      'an empty tensor',
      'classifier',
      ({ tensors }) => set(tensors, { 'models.0.0.weight': { dtype: 'float32', shape: [0], data: new Uint8Array(0) } }),
      /without numbers/,
    ],
    [
      'an unknown operation',
      'formula',
      (p) => set(p.nodes[1], { op: 'system' }),
      /'system'.*no operation of this version/,
    ],
    [
      'a cycle',
      'formula',
      (p) => set(nodeOf(p, 'square'), { inputs: [p.nodes.length - 1] }),
      /does not come before it/,
    ],
    [
      'a node that reads itself',
      'formula',
      (p) => set(nodeOf(p, 'square'), { inputs: [p.nodes.indexOf(nodeOf(p, 'square'))] }),
      /before it/,
    ],
    ['a node that is not there', 'formula', (p) => set(nodeOf(p, 'square'), { inputs: [-1] }), /before it/],
    ['a fraction as a node', 'formula', (p) => set(nodeOf(p, 'square'), { inputs: [0.5] }), /no whole number/],
    ['a text as a number', 'formula', (p) => set(p.nodes[1], { numbers: ['1'] }), /no number/],
    ['no list of nodes', 'formula', ({ program }) => set(program, { nodes: {} }), /no list/],
    ['a null node', 'formula', ({ program }) => set(program, { nodes: [null] }), /no object/],
    ['a column that is not there', 'formula', (p) => set(nodeOf(p, 'columns'), { integers: [2, 3] }), /widths/],
    ['a negative column', 'formula', (p) => set(nodeOf(p, 'columns'), { integers: [-1, 0] }), /widths/],
    [
      'a constant that is not there',
      'formula',
      (p) => set(nodeOf(p, 'matmul'), { constants: [1] }),
      /constant that is not there/,
    ],
    ['a wider matrix', 'formula', (p) => set(nodeOf(p, 'matmul'), { width: 3 }), /widths/],
    ['an energy that is not there', 'formula', ({ program }) => set(program, { energy: 1000 }), /no energy/],
    ['an energy of several numbers', 'formula', ({ program }) => set(program, { energy: 0 }), /no energy/],
    ['outputs that are not there', 'formula', ({ program }) => set(program, { outputs: 99 }), /outputs/],
    ['rows of no width', 'formula', ({ program }) => set(program, { inputWidth: 0 }), /widths of its rows/],
    ['rows of a huge width', 'formula', ({ program }) => set(program, { inputWidth: 2 ** 50 }), /widths of its rows/],
    [
      'a width that is no number',
      'formula',
      ({ file, program }) => {
        set(program, { inputWidth: { toString: 1 } })
        set(file, { inputs: { columns: ['a', 'b', 'c'] } })
      },
      /widths of its rows/,
    ],
    [
      'a number of classes that is none',
      'formula',
      ({ program }) => set(program, { classes: {} }),
      /widths of its rows/,
    ],
    ['another width of rows', 'formula', ({ program }) => set(program, { inputWidth: 4 }), /widths/],
    ['infinite work', 'formula', ({ program }) => set(program, { workPerRow: null }), /no number/],
    ['labels beyond the logits', 'classifier', ({ program }) => set(program, { classes: 5 }), /widths/],
    [
      'labels read as numbers',
      'classifier',
      (p) => set(nodeOf(p, 'gather'), { op: 'add' }),
      /classes as if they were numbers|widths/,
    ],
    [
      'a condition that E(x) needs',
      'classifier',
      ({ program }) => set(program, { energy: program.jointEnergy }),
      /may be left out/,
    ],
    ['a layer without its bias', 'classifier', (p) => set(nodeOf(p, 'linear'), { parameters: [] }), /takes/],
    [
      'one matrix in two forms',
      'classifier',
      ({ nodes, file, tensors }) => {
        // Two layers on one weight of 4 numbers: [4, 1] and [2, 2].
        const node = (op: string, inputs: number[], width: number, more = {}) => ({
          op,
          inputs,
          width,
          parameters: [],
          constants: [],
          numbers: [],
          integers: [],
          ...more,
        })
        nodes.splice(
          0,
          nodes.length,
          node('input', [], 1) as never,
          node('linear', [0], 4, { parameters: [0] }) as never,
          node('slice', [1], 2, { integers: [0] }) as never,
          node('linear', [2], 2, { parameters: [0] }) as never,
          node('sum', [3], 1) as never,
        )
        set(file.models[0]!.program, {
          inputWidth: 1,
          energy: 4,
          jointEnergy: -1,
          outputs: -1,
          optionalCondition: false,
          classes: 0,
        })
        set(file.models[0], { parameters: ['w'], constants: 0 })
        tensors['models.0.w'] = { dtype: 'float32', shape: [4], data: new Uint8Array(16) }
      },
      /another form/,
    ],
    [
      'a detector of other energies',
      'formula',
      ({ file }) => set(file, { detector: { kind: 'averagedEnergy', mean: [0, 1], deviation: [1, 1], shift: 0 } }),
      /no detector of its energies/,
    ],
    [
      'a deviation of 0',
      'formula',
      ({ file }) => set(file, { detector: { kind: 'averagedEnergy', mean: [0], deviation: [0], shift: 0 } }),
      /no detector/,
    ],
    [
      'a false-alarm rate of 2',
      'formula',
      ({ file }) => set(file, { detector: { kind: 'energy', mean: [0], deviation: [1], shift: 0, fpr: 2 } }),
      /false-alarm/,
    ],
    [
      'inputs of another width',
      'formula',
      ({ file }) => set(file, { inputs: { columns: ['a', 'b'] } }),
      /3 numbers of a row/,
    ],
    [
      'a scale of 0',
      'formula',
      ({ file }) =>
        set(file, {
          inputs: { columns: ['a', 'b', 'c'], transform: { kind: 'standardize', mean: [0, 0, 0], scale: [1, 1, 0] } },
        }),
      /mean and scale/,
    ],
    [
      'held-out scores that do not ascend',
      'formula',
      ({ tensors }) =>
        set(tensors, {
          'heldOut.scores': { dtype: 'float64', shape: [2], data: new Uint8Array(Float64Array.of(2, 1).buffer) },
        }),
      /ascend/,
    ],
    [
      'held-out scores that are no numbers',
      'formula',
      ({ tensors }) =>
        set(tensors, {
          'heldOut.scores': {
            dtype: 'float64',
            shape: [2],
            data: new Uint8Array(Float64Array.of(Number.NaN, 1).buffer),
          },
        }),
      /ascend/,
    ],
  ]
  it.each(cases)('with %s', async (_, which, change, message) => {
    const error = await changed(which === 'formula' ? formula : classifier, change)
    expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
    expect(error.message).toMatch(message)
  })

  it('cannot ask for more memory than a row may take', async () => {
    const before = process.memoryUsage.rss()
    const error = await changed(formula, ({ nodes, program }) => {
      let width = nodes[0]!.width
      const doubled = Array.from({ length: 40 }, (_, k) => {
        width *= 2
        return { ...nodeOf({ nodes } as Parts, 'concat'), inputs: [k, k], width }
      })
      program.nodes = [nodes[0], ...doubled]
    })
    expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
    expect(error.message).toMatch(/width|1,048,576/)
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20)
  })

  /** Loads and evaluates; whatever goes wrong has a code. Returns whether it loaded. */
  function survives(bytes: Uint8Array): boolean {
    try {
      using scorer = loadScorer(bytes)
      const { inputWidth, condition } = scorer.info
      const x = new Float64Array(3 * Math.min(inputWidth, 10_000)).fill(0.25)
      if (scorer.info.family === 'detector') scorer.scores(x)
      else scorer.score(x, condition === 'class' || condition === 'optional class' ? { y: [0, 1, 0] } : {})
      return true
    } catch (error) {
      if (LangevinError.is(error)) return false
      throw error
    }
  }

  it('with any bytes changed', () => {
    const byte = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
    fc.assert(
      fc.property(fc.boolean(), fc.array(byte, { minLength: 1, maxLength: 4 }), (first, edits) => {
        const bytes = Uint8Array.from(first ? classifier : formula)
        for (const { at, value } of edits) bytes[at % bytes.length] = value
        survives(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  it('with any numbers of its program changed', () => {
    const value = fc.oneof(
      fc.integer({ min: -2, max: 12 }),
      fc.constantFrom(2 ** 31, 2 ** 20, 2 ** 53, 1e308, -1, 0.5, null, 'x', [], {}),
    )
    let loaded = 0
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), value), { minLength: 1, maxLength: 3 }),
        (first, which, edits) => {
          const { tensors, metadata } = parseSafetensors('base', first ? classifier : formula, decode)
          const file = JSON.parse(metadata[SCORER_KEY]!) as Loose
          for (const [at, other] of edits) {
            const places: [Record<string, unknown>, string][] = []
            const visit = (node: unknown) => {
              if (typeof node !== 'object' || node === null) return
              for (const [key, member] of Object.entries(node)) {
                if (typeof member === 'number') places.push([node as Record<string, unknown>, key])
                visit(member)
              }
            }
            visit(file.models)
            const [target, key] = places[(at + which) % places.length]!
            target[key] = other
          }
          if (survives(packed(tensors, { ...metadata, [SCORER_KEY]: JSON.stringify(file) }))) loaded++
        },
      ),
      { numRuns: 3000 },
    )
    // Some changes leave a sound program, such as another slope: the kernels have run on those.
    expect(loaded).toBeGreaterThan(10)
  })
})

/** The bytes of a safetensors file. */
function packed(tensors: Record<string, StoredTensor>, metadata: Record<string, string>): Uint8Array {
  const names = { float32: 'F32', float64: 'F64' } as Record<string, string>
  let offset = 0
  const header: Record<string, unknown> = { __metadata__: metadata }
  const entries = Object.entries(tensors).sort(([, a], [, b]) => b.dtype.localeCompare(a.dtype))
  for (const [name, { dtype, shape, data }] of entries) {
    header[name] = { dtype: names[dtype], shape, data_offsets: [offset, offset + data.length] }
    offset += data.length
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, ...entries.map(([, { data }]) => data)])
}
