// Attacks that are known by name: archives that unpack to more than any memory, names that lead out of a folder, keys that would
// change what every object inherits, texts on which a regular expression takes quadratic time, models that ask for all memory.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { idxIn } from '../../../dist/data/files.js'
import { data, Energy, io, LangevinError, ood } from '../../../dist/index.js'
import { decodeNpy } from '../../../dist/io/npy.js'
import { traceparent } from '../../../dist/serve/tracing.js'
import { parseSpec } from '../../../dist/spec/index.js'
import { scratch } from '../lib/scratch.mjs'
import { npyFile, safetensorsFile, zipFile } from './arrays.mjs'

/** The code an attempt ends with, 'value' for none; the time and the memory it took. */
async function outcome(work) {
  gc()
  const before = process.memoryUsage.rss()
  const at = performance.now()
  let code = 'value'
  try {
    const made = await work()
    made?.dispose?.()
  } catch (error) {
    code = LangevinError.is(error) ? error.code : `${error?.name}: ${error?.message}`
  }
  return { code, seconds: (performance.now() - at) / 1000, mib: (process.memoryUsage.rss() - before) / 2 ** 20 }
}

/** Refused with ERR_LANGEVIN_FORMAT, in at most a second and 64 MiB. */
async function refused(figures, name, work) {
  const { code, seconds, mib } = await outcome(work)
  figures.held(name, code, {
    limit: 'ERR_LANGEVIN_FORMAT within 64 MiB',
    ok: code === 'ERR_LANGEVIN_FORMAT' && mib <= 64,
    note: `${seconds.toFixed(2)} s, ${mib.toFixed(0)} MiB`,
  })
}

/** So many zeros, packed a thousandfold. */
const zeros = (mebibytes) => deflateRawSync(Buffer.alloc(mebibytes * 2 ** 20), { level: 9 })

async function bombs(figures) {
  const folder = scratch('bombs')
  const file = (name, bytes) => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    return path
  }
  const packed = zeros(64)
  const member = (name, more) => ({ name, data: Buffer.alloc(0), packed, size: 64 * 2 ** 20, crc: 0, ...more })
  const many = Array.from({ length: 40 }, (_, k) => member(`a${k}.npy`))
  await refused(figures, 'zip bomb: 40 members of 64 MiB in 2.6 MB', () => io.npz.read(file('many.npz', zipFile(many))))
  const shared = Array.from({ length: 40 }, (_, k) =>
    member(`a${k}.npy`, k === 0 ? {} : { header: 0, packed: packed.subarray(0, 0) }),
  )
  await refused(figures, 'zip bomb: members that share their bytes', () =>
    io.npz.read(file('shared.npz', zipFile(shared))),
  )
  const lying = [member('a.npy', { size: 100 })]
  await refused(figures, 'zip bomb: a member larger than the directory says', () =>
    io.npz.read(file('lying.npz', zipFile(lying))),
  )
  const nested = gzipSync(gzipSync(Buffer.alloc(64 * 2 ** 20)))
  await refused(figures, 'gzip in gzip', () => idxIn(nested, 'a.idx'))
  const texts = npyFile(`{'descr': '<U0', 'fortran_order': False, 'shape': (4000000000,), }\n`, Buffer.alloc(0))
  await refused(figures, '.npy: four thousand million texts of no bytes', () => decodeNpy(texts, 'a.npy'))
  const huge = npyFile(`{'descr': '<f8', 'fortran_order': False, 'shape': (9007199254740991, 0), }\n`, Buffer.alloc(0))
  const { code } = await outcome(() => decodeNpy(huge, 'a.npy'))
  figures.held('.npy: 2^53 rows of no columns', code, {
    limit: 'a coded error or a value',
    ok: code === 'value' || code.startsWith('ERR_'),
  })
  const spec = { kind: 'mlp', input: 100_000, hidden: [100_000, 100_000], gaussianBase: 2 }
  const metadata = { 'langevin.spec': JSON.stringify(spec), 'langevin.dtype': 'float32' }
  const model = safetensorsFile(
    { __metadata__: metadata, a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
    Buffer.alloc(4),
  )
  await refused(figures, 'a model file of 1 kB that describes 2 x 10^10 parameters', () =>
    Energy.load(file('large.safetensors', model)),
  )
  const described = { version: 1, detector: { kind: 'energy', model: 0 }, models: [{ spec, dtype: 'float32' }] }
  const kept = { 'langevin.family': 'detector', 'langevin.detector': JSON.stringify(described) }
  const detector = safetensorsFile(
    { __metadata__: kept, a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
    Buffer.alloc(4),
  )
  await refused(figures, 'a detector file of the same', () => ood.load(file('detector.safetensors', detector)))
}

async function traversal(figures) {
  const outer = scratch('traversal')
  const inner = join(outer, 'inner')
  const path = join(outer, 'a.npz')
  const array = npyFile(`{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n`, Buffer.alloc(8))
  const names = ['../../../inner/x', '/tmp/langevin-traversal', '..\\x', 'a/../../b']
  writeFileSync(path, zipFile(names.map((name) => ({ name: `${name}.npy`, data: array }))))
  const arrays = await io.npz.read(path)
  const read = Object.keys(arrays).length
  for (const each of Object.values(arrays)) each.dispose()
  const clean = !existsSync(inner) && readdirSync(outer).length === 1 && !existsSync('/tmp/langevin-traversal.npy')
  figures.held('names of members that lead out of the folder', read, {
    limit: 'they are names of arrays; no file is written',
    ok: clean && read === names.length,
  })
}

const POLLUTING = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']

async function pollution(figures) {
  const folder = scratch('pollution')
  const before = JSON.stringify(
    [Object, Array, Function].map(({ prototype }) => Reflect.ownKeys(prototype).map(String)),
  )
  const array = npyFile(`{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n`, Buffer.alloc(16))
  const inside = `{"polluted": true, "constructor": {"prototype": {"polluted": true}}}`
  for (const key of POLLUTING) {
    const npz = join(folder, 'a.npz')
    writeFileSync(npz, zipFile([{ name: `${key}.npy`, data: array }]))
    const csv = join(folder, 'a.csv')
    writeFileSync(csv, `${key},b\n1,2\n3,4\n`)
    const st = join(folder, 'a.safetensors')
    const text = `{"${key}":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"__metadata__":{"${key}":"x"}}`
    const head = Buffer.alloc(8)
    head.writeBigUInt64LE(BigInt(text.length))
    writeFileSync(st, Buffer.concat([head, Buffer.from(text), Buffer.alloc(16)]))
    await outcome(async () => Object.values(await io.npz.read(npz))[0])
    await outcome(() => data.npz(npz))
    await outcome(() => data.csv(csv, { header: true }))
    await outcome(async () => Object.values((await io.safetensors.read(st)).tensors)[0])
    await outcome(() => data.fromRows([JSON.parse(`{"${key}": 1, "b": 2}`), JSON.parse(`{"${key}": 3, "b": 4}`)]))
    await outcome(() => parseSpec('energy', JSON.parse(`{"kind":"mlp","input":2,"hidden":[4],"${key}":${inside}}`)))
    await outcome(() => parseSpec('energy', JSON.parse(`{"kind":"${key}"}`)))
    await outcome(() => parseSpec('sampler', JSON.parse(`{"kind":"blockwise","samplers":{"${key}":${inside}}}`)))
  }
  const after = JSON.stringify([Object, Array, Function].map(({ prototype }) => Reflect.ownKeys(prototype).map(String)))
  figures.held('keys that would change a prototype', POLLUTING.join(', '), {
    limit: 'prototypes as before: specs, JSON rows, CSV headers, npz and safetensors names',
    ok: before === after && {}.polluted === undefined,
  })
}

/** Texts that make a careless regular expression go back and forth; each of so many characters. */
const SLOW_TEXTS = {
  'a cell of digits and a letter': (n) => csvOf(`${'1'.repeat(n)}x`),
  'a cell of digits and a capital': (n) => csvOf(`${'1'.repeat(n)}A`),
  'a cell of groups of thousands': (n) => csvOf(`${'1.234'.repeat(n / 5)}A`),
  'a cell of dots': (n) => csvOf(`${'.'.repeat(n)}1E`),
  'a cell of blanks between quotes': (n) => csvOf(`"${' '.repeat(n)}x"`),
  'a cell of numbers with bars': (n) => csvOf(`${'1 |'.repeat(n / 3)}x`),
  'a .npy header of blanks': (n) => npyOf(`{'descr'${' '.repeat(n)}`),
  'a .npy header of many items': (n) => npyOf(`{${`'a': True,`.repeat(n / 10)}`),
  'a .npy header of sizes': (n) => npyOf(`{'shape': (${'1 '.repeat(n / 2)}`),
  'a .npy text of zeros': (n) =>
    decodeNpy(
      npyFile(
        `{'descr': '|S${n}', 'fortran_order': False, 'shape': (1,), }\n`,
        Buffer.concat([Buffer.alloc(n - 1), Buffer.from('a')]),
      ),
      'a.npy',
    ),
  'a traceparent': async (n) => traceparent(`00-${'0'.repeat(n)}-${'1'.repeat(n)}-01`),
  'a kind of a spec': async (n) => parseSpec('energy', { kind: 'm'.repeat(n) }),
  'a key of a spec': async (n) => parseSpec('energy', { kind: 'mlp', input: 2, hidden: [4], ['h'.repeat(n)]: 1 }),
}

async function csvOf(cell) {
  const path = join(slowFolder(), 'a.csv')
  writeFileSync(path, `a,b\n1,2\n${cell},3\n`)
  return data.csv(path)
}
const npyOf = (dictionary) => decodeNpy(npyFile(`${dictionary}}\n`, Buffer.alloc(0), 2), 'a.npy')
let folder
const slowFolder = () => {
  folder ??= scratch('slow')
  return folder
}

async function redos(figures, quick) {
  const n = quick ? 20_000 : 200_000
  let worst = { seconds: 0, name: '' }
  for (const [name, work] of Object.entries(SLOW_TEXTS)) {
    // The least of three: others may have the processor for a while.
    const times = []
    for (let k = 0; k < 3; k++) times.push((await outcome(() => work(n))).seconds)
    const seconds = Math.min(...times)
    if (seconds > worst.seconds) worst = { seconds, name }
  }
  figures.held(
    `texts of ${n.toLocaleString('en')} characters that tempt a regular expression, longest`,
    worst.seconds,
    {
      unit: 's',
      limit: '1 s (quadratic time would be minutes)',
      ok: worst.seconds < 1,
      note: `${Object.keys(SLOW_TEXTS).length} texts; ${worst.name}`,
    },
  )
}

export async function attacks({ quick, figures }) {
  await bombs(figures)
  await traversal(figures)
  await pollution(figures)
  await redos(figures, quick)
}
