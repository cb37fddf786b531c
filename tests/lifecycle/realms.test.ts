/** Values and errors of other realms: contexts of node:vm, which are what Jest tests, REPLs and function nodes run in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext, runInNewContext } from 'node:vm'
import { afterAll, expect, test } from 'vitest'
import { Energy, energies, LangevinError, metrics, tensor } from '../../src/index.js'
import type { TypedArray } from '../../src/tensor/index.js'
import { inProcess } from './child.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-realms-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('typed arrays of another realm keep their dtype and their numbers', () => {
  const of = (source: string) => runInNewContext(source) as TypedArray
  for (const [source, dtype, numbers] of [
    ['new Float32Array([0.5, 1.75])', 'float32', [0.5, 1.75]],
    ['new Float64Array([0.1, 1.7])', 'float64', [0.1, 1.7]],
    ['new Int32Array([-1, 2])', 'int64', [-1, 2]],
    ['new Uint8Array([1, 255])', 'uint8', [1, 255]],
    ['new Uint8ClampedArray([1, 255])', 'uint8', [1, 255]],
    ['new BigInt64Array([-1n, 2n])', 'int64', [-1, 2]],
    ['new BigUint64Array([1n, 2n])', 'int64', [1, 2]],
    ['new Float32Array(new SharedArrayBuffer(8)).fill(0.5)', 'float32', [0.5, 0.5]],
    ['[[0.5], [1.75]]', 'float32', [[0.5], [1.75]]],
  ] as const) {
    const made = tensor(of(source))
    expect([source, made.dtype, made.toArray()]).toEqual([source, dtype, numbers])
  }
  expect(tensor(of('new Uint16Array([16256])'), undefined, 'bfloat16').toArray()).toEqual([1])
  expect(() => tensor(of('new DataView(new ArrayBuffer(4))'))).toThrow(/DataView/)
  expect(() => tensor(of('new Map([[1, 2]])'))).toThrow(LangevinError)
  expect(() => tensor(of('new ArrayBuffer(4)'))).toThrow(LangevinError)
})

test('options, specs and rows made in another realm are read as those of this one', async () => {
  const context = createContext({})
  const spec = runInContext("({ kind: 'gaussian', mean: new Float64Array([1, 2]), precision: [1, 1] })", context)
  const model = await Energy.create(spec, runInContext("({ dtype: 'float64' })", context))
  const rows = runInContext('({ data: new Float64Array([1, 2, 2, 2]), shape: [2, 2] })', context)
  expect((await model.energy(rows)).toArray()).toEqual([0, 0.5])
  const scores = runInContext('new Float32Array([0.1, 0.4, 0.35, 0.8])', context)
  expect(metrics.auroc(scores, runInContext('[0, 0, 1, 1]', context), { positive: 'ood' })).toBe(0.75)
  expect(() => energies.gaussian(runInContext('new Map()', context))).toThrow(/cannot hold a Map/)
  expect(() =>
    energies.gaussian(runInContext('({ mean: new DataView(new ArrayBuffer(8)), precision: 1 })', context)),
  ).toThrow(/cannot hold a DataView/)
})

test('an error is known by its brand: of another copy of the package, and not of a class that merely looks like it', () => {
  class Sub extends LangevinError {}
  const error = new LangevinError('ERR_LANGEVIN_SHAPE', 'x')
  const foreign = runInNewContext(
    "const e = new Error('x'); e.code = 'ERR_LANGEVIN_SHAPE'; e[Symbol.for('langevin.error')] = true; e",
  )
  expect([LangevinError.is(error), error instanceof LangevinError, error instanceof Error]).toEqual([true, true, true])
  expect([LangevinError.is(foreign), foreign instanceof LangevinError]).toEqual([true, true])
  expect([error instanceof Sub, new Sub('ERR_LANGEVIN_IO', 'y') instanceof Sub]).toEqual([false, true])
  for (const other of [new Error('x'), { code: 'ERR_LANGEVIN_SHAPE' }, null, undefined, 'ERR_LANGEVIN_SHAPE'])
    expect(LangevinError.is(other)).toBe(false)
})

/** Loads dist/ into a context of its own, as Jest loads a package: its own Error, Float32Array, no Symbol.dispose. */
const LOADED = `
import vm from 'node:vm'
import { readFile } from 'node:fs/promises'
const globals = { setTimeout, clearTimeout, queueMicrotask, process, console, AbortController, AbortSignal, URL }
const context = vm.createContext(BARE ? {} : { ...globals, DOMException, Buffer, TextDecoder })
vm.runInContext("delete Symbol.dispose; delete Symbol.asyncDispose", context)
const modules = new Map()
async function load(specifier, parent) {
  const url = specifier.startsWith('.') ? new URL(specifier, parent).href : specifier
  if (!modules.has(url)) modules.set(url, make(url))
  return modules.get(url)
}
async function make(url) {
  if (url.startsWith('file:')) {
    return new vm.SourceTextModule(await readFile(new URL(url), 'utf8'), {
      context, identifier: url,
      initializeImportMeta: (meta) => { meta.url = url },
      importModuleDynamically: async (specifier) => { const m = await load(specifier, url); return linked(m) },
    })
  }
  const real = await import(url)
  return new vm.SyntheticModule(Object.keys(real), function () {
    for (const key of Object.keys(real)) this.setExport(key, real[key])
  }, { context, identifier: url })
}
async function linked(module) {
  if (module.status === 'unlinked') await module.link((specifier, from) => load(specifier, from.identifier))
  if (module.status === 'linked') await module.evaluate()
  return module
}
const entry = await linked(await load(DIST))
context.langevin = entry.namespace
context.FOLDER = FOLDER
context.report = (value) => console.log(JSON.stringify(value))
await vm.runInContext('(async () => {' + BODY + '})()', context)
`

async function inRealm(body: string, { bare = false } = {}): Promise<unknown[]> {
  const dist = new URL('../../dist/index.js', import.meta.url).href
  const constants = `const DIST = ${JSON.stringify(dist)}, BARE = ${bare}, BODY = ${JSON.stringify(body)}, FOLDER = ${JSON.stringify(folder)}\n`
  const { stdout, stderr } = await inProcess(constants + LOADED, {
    waitingFor: 'a script in a context of its own',
    args: ['--experimental-vm-modules', '--no-warnings'],
  })
  expect(stderr).toBe('')
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const ERRORS = `
  const { Energy, energies, LangevinError, sample, samplers, tensor } = langevin
  const told = (e) => [e instanceof LangevinError, LangevinError.is(e), e instanceof Error, e.code ?? null, e.name]
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
  await model.energy([[1, 2, 3]]).catch((e) => report(told(e)))
  try { tensor([1, 2]).reshape([3]) } catch (e) { report(told(e)) }
  const endless = { sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }), chains: 4, threads: 1 }
  const run = sample(model, endless)
  for await (const event of run) if (event.type === 'progress') break
  run.abort()
  await run.done.catch((e) => report([e.name, run.state]))
  const made = tensor([1])
  made[Symbol.dispose]()
  report([made.disposed, 'undefined' in made])
`

test.each([
  ['as Jest has it', false],
  ['that has nothing but the language', true],
])(
  'in a context %s errors are coded, an abort is an abort, and dispose is there',
  async (_name, bare) => {
    const [shape, now, aborted, disposed] = await inRealm(ERRORS, { bare })
    expect(shape).toEqual([true, true, true, 'ERR_LANGEVIN_SHAPE', 'LangevinError'])
    expect(now).toEqual([true, true, true, 'ERR_LANGEVIN_SHAPE', 'LangevinError'])
    expect(aborted).toEqual(['AbortError', 'aborted'])
    expect(disposed).toEqual([true, false])
  },
  60_000,
)

test('in a context of its own the signal of the main realm aborts a job and a run, and files are read', async () => {
  const [job, run, loaded, again, named] = await inRealm(`
    const { Energy, energies, io, sample, samplers, tensor } = langevin
    const model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    const options = { sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }), chains: 4, threads: 1 }
    const controller = new AbortController()
    const busy = sample(model, { ...options, signal: controller.signal })
    const waiting = model.setParameters({ '0.bias': new Float32Array(8) }, { signal: controller.signal })
    for await (const event of busy) if (event.type === 'progress') break
    controller.abort()
    await waiting.catch((e) => report([e.name]))
    await busy.done.catch((e) => report([e.name, busy.state]))
    const path = FOLDER + '/rows.npy'
    await io.npy.write(path, tensor([[0.5, 1.5]]))
    report((await io.npy.read(path)).toArray())
    await model.save(path + '.safetensors')
    const again = await Energy.load(path + '.safetensors')
    report([again.parameterCount === model.parameterCount])
    const set = langevin.data.fromArrays({ a: [1, 2], b: [3, 5] })
    const named = await Energy.create(energies.mlp({ input: 2, hidden: [8] }), { inputs: langevin.data.inputs(set) })
    report((await named.energy(set)).shape)
  `)
  expect(job).toEqual(['AbortError'])
  expect(run).toEqual(['AbortError', 'aborted'])
  expect([loaded, again, named]).toEqual([[[0.5, 1.5]], [true], [2]])
}, 60_000)
