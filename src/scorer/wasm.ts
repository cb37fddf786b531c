/** langevin/scorer/wasm: the scorer in WebAssembly, for browsers and edge workers. Nothing of Node.js is imported. */
import { type ErrorCode, LangevinError } from '../errors.js'
import { parseSafetensors } from '../io/safetensors-format.js'
import type { Engine, LoadedProgram, Numbers } from './engine.js'
import { scorerFileOf } from './read.js'
import { Scorer } from './scorer.js'

export * from './exports.js'

/** A `WebAssembly.Module`; by a name of its own, because not every project has the types of a browser. */
export type WasmModule = object

interface Memory {
  readonly buffer: ArrayBuffer
}

interface Host {
  readonly Module: new (...given: never[]) => WasmModule
  compile(bytes: Uint8Array | ArrayBuffer): Promise<WasmModule>
  instantiate(module: WasmModule, imports: object): Promise<{ readonly exports: object }>
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: Host }

/** What native/scorer/wasm.cpp exports. */
interface Exports {
  readonly memory: Memory
  readonly __stack_pointer: { value: number }
  _initialize(): void
  allocate(bytes: number): number
  release(at: number): void
  node(op: number, width: number): void
  push(list: number, value: number): void
  parameter(numbers: number, count: number): void
  constant(numbers: number, count: number): void
  finish(
    wide: number,
    inputWidth: number,
    workPerRow: number,
    energy: number,
    jointEnergy: number,
    outputs: number,
    optionalCondition: number,
    conditionWidth: number,
    classes: number,
  ): void
  evaluate(x: number, rows: number, y: number, out: number, score: number): void
}

/** Lists of a node, in the order that push() counts them. */
const LISTS = ['inputs', 'parameters', 'constants', 'numbers', 'integers'] as const

/** What the C library asks of a system that has no files and no environment. EBADF is 8. */
function system(memory: () => Memory) {
  return {
    environ_sizes_get(count: number, bytes: number): number {
      const view = new DataView(memory().buffer)
      view.setUint32(count, 0, true)
      view.setUint32(bytes, 0, true)
      return 0
    },
    environ_get: () => 0,
    fd_close: () => 8,
    fd_seek: () => 8,
    fd_write: () => 8,
    proc_exit(code: number): never {
      throw new Error(`the module ended with ${code}`)
    },
  }
}

/** The text that ends with a zero byte. */
function textAt(memory: Memory, at: number): string {
  const bytes = new Uint8Array(memory.buffer, at)
  return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)))
}

/** One instance with one program: its memory is freed with it. */
class WasmEngine implements Engine {
  #exports: Exports | undefined
  /** Why no call can be answered any more. */
  #ended = 'this scorer has been disposed'
  readonly #wide: boolean
  readonly #width: number

  constructor(exports: Exports, program: LoadedProgram) {
    this.#exports = exports
    this.#wide = program.wide
    this.#width = program.inputWidth
    this.#guarded((wasm) => {
      wasm._initialize()
      const kept = fill(wasm, program)
      for (const at of kept) wasm.release(at)
    })
  }

  /** A host error unwinds the frames of the module, whose own stack must follow; after a trap the instance is lost. */
  #guarded(work: (wasm: Exports) => void): void {
    const wasm = this.#exports
    if (wasm === undefined) throw new LangevinError('ERR_LANGEVIN_DISPOSED', this.#ended)
    const stack = wasm.__stack_pointer.value
    try {
      work(wasm)
    } catch (cause) {
      if (LangevinError.is(cause)) {
        wasm.__stack_pointer.value = stack
        throw cause
      }
      this.#exports = undefined
      this.#ended = 'this scorer has failed before; load it again'
      const problem = `the WebAssembly module failed: ${String(cause)} (is there enough memory?)`
      throw new LangevinError('ERR_LANGEVIN_INTERNAL', problem, { cause })
    }
  }

  energy(x: Numbers, out: Numbers, y: Numbers | BigInt64Array | undefined): void {
    this.#evaluate(x, out, y, 0)
  }
  score(x: Numbers, out: Numbers, y: Numbers | BigInt64Array | undefined): void {
    this.#evaluate(x, out, y, 1)
  }

  #evaluate(x: Numbers, out: Numbers, y: Numbers | BigInt64Array | undefined, score: number): void {
    this.#guarded((wasm) => {
      const places: number[] = []
      const copied = (numbers: ArrayBufferView) => {
        places.push(copyIn(wasm, numbers))
        return places.at(-1)!
      }
      try {
        const to = wasm.allocate(out.byteLength)
        places.push(to)
        wasm.evaluate(copied(x), x.length / this.#width, y === undefined ? 0 : copied(y), to, score)
        const { buffer } = wasm.memory
        out.set(this.#wide ? new Float64Array(buffer, to, out.length) : new Float32Array(buffer, to, out.length))
      } finally {
        for (const at of places) wasm.release(at)
      }
    })
  }

  dispose(): void {
    this.#exports = undefined
  }
}

function copyIn(wasm: Exports, numbers: ArrayBufferView): number {
  const at = wasm.allocate(numbers.byteLength)
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes)
  return at
}

function damaged(problem: string): never {
  throw new LangevinError('ERR_LANGEVIN_FORMAT', `the program's ${problem}`)
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
const numberOr = (value: unknown, what: string): number => (isNumber(value) ? value : damaged(`${what} is no number`))

/** Hands a program over, member by member. Returns what was allocated for it. */
function fill(wasm: Exports, program: LoadedProgram): number[] {
  const places: number[] = []
  const keep = (numbers: ArrayBufferView) => {
    places.push(copyIn(wasm, numbers))
    return places.at(-1)!
  }
  if (!Array.isArray(program.nodes)) damaged('nodes is no list')
  for (const node of program.nodes) {
    if (typeof node !== 'object' || node === null) damaged('nodes hold what is no object')
    if (typeof node.op !== 'string') damaged('nodes name no operation')
    wasm.node(keep(new TextEncoder().encode(`${node.op}\0`)), numberOr(node.width, 'width'))
    for (const [list, name] of LISTS.entries()) {
      const values: unknown = node[name]
      if (!Array.isArray(values)) damaged(`${name} is no list`)
      for (const value of values) wasm.push(list, numberOr(value, name))
    }
  }
  for (const constant of program.constants) wasm.constant(keep(constant), constant.length)
  for (const parameter of program.parameters) wasm.parameter(keep(parameter), parameter.length)
  wasm.finish(
    program.wide ? 1 : 0,
    numberOr(program.inputWidth, 'inputWidth'),
    numberOr(program.workPerRow, 'workPerRow'),
    numberOr(program.energy, 'energy'),
    numberOr(program.jointEnergy, 'jointEnergy'),
    numberOr(program.outputs, 'outputs'),
    program.optionalCondition ? 1 : 0,
    numberOr(program.conditionWidth, 'conditionWidth'),
    numberOr(program.classes, 'classes'),
  )
  return places
}

async function engineOf(module: WasmModule, program: LoadedProgram): Promise<Engine> {
  let exports: Exports | undefined
  const memory = () => exports!.memory
  const instance = await WebAssembly.instantiate(module, {
    langevin: {
      raise(code: number, message: number): never {
        throw new LangevinError(textAt(memory(), code) as ErrorCode, textAt(memory(), message))
      },
    },
    wasi_snapshot_preview1: system(memory),
  })
  exports = instance.exports as Exports
  return new WasmEngine(exports, program)
}

/**
 * Where the module lies beside this file: `fetch(scorerWasm)` in a browser, `readFile(scorerWasm)` in Node.js. Bundlers find it by this
 * expression and carry it along.
 */
export const scorerWasm: URL = new URL('./scorer.wasm', import.meta.url)

/**
 * Loads what `exportScorer` wrote into WebAssembly, one thread and 128-bit vectors. Energies differ from those of another
 * instruction set in the last digits (docs/guides/scorer.md).
 *
 * @param file the bytes of the file
 * @param wasm the bytes of scorer.wasm, or the module compiled of them
 * @throws (rejects) ERR_LANGEVIN_FORMAT, _INVALID_OPTION (no such bytes), _UNSUPPORTED (an operation without kernels)
 */
export async function loadScorer(
  file: Uint8Array | ArrayBuffer,
  wasm: WasmModule | Uint8Array | ArrayBuffer,
): Promise<Scorer> {
  const bytes = file instanceof ArrayBuffer ? new Uint8Array(file) : file
  if (!(bytes instanceof Uint8Array)) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      'loadScorer takes the bytes of a file, and those of scorer.wasm',
    )
  }
  const decode = (text: Uint8Array) => new TextDecoder('utf-8', { fatal: true }).decode(text)
  const parts = scorerFileOf('the bytes', parseSafetensors('the bytes', bytes, decode))
  const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm as Uint8Array)
  const engines: Engine[] = []
  for (const { program } of parts.models) engines.push(await engineOf(module, program))
  return new Scorer(parts, engines, 'wasm')
}
