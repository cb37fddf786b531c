// Reads a Parquet file through hyparquet in a process of its own (parquet.ts starts it). In a damaged file hyparquet may fill
// the memory, or fail at what nobody waits for: neither must end the process of the caller.
//
// argv: JSON { library, more?, path }, where `library` and `more` are URLs of hyparquet and hyparquet-compressors. It sends
// { columns, rows, codecs } of the file, or { problem }; then for each { column } that it is sent, what the column holds.
import { readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'

const { library, more, path } = JSON.parse(process.argv[2])
const { parquetMetadata, parquetRead, parquetSchema } = await import(library)

/** Unpackers by codec: those of Node.js (zstd came with 22.15), then those of hyparquet-compressors. hyparquet reads SNAPPY. */
async function unpackers() {
  const bounded = (unpack) => (packed, length) => unpack(packed, { maxOutputLength: Math.max(1, length) })
  const own = { GZIP: bounded(zlib.gunzipSync), BROTLI: bounded(zlib.brotliDecompressSync) }
  if (zlib.zstdDecompressSync !== undefined) own.ZSTD = bounded(zlib.zstdDecompressSync)
  return { ...(more && (await import(more)).compressors), ...own }
}

// A text with other bytes would come as one with replacement characters, the same for different bytes.
const utf8 = new TextDecoder('utf-8', { fatal: true })
const parsers = { stringFromBytes: (bytes) => bytes && utf8.decode(bytes) }

function open() {
  const bytes = readFileSync(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const metadata = parquetMetadata(file, { geoparquet: false })
  const columns = parquetSchema(metadata).children.map(({ element, children }) => ({
    name: element.name,
    nested: children.length > 0,
  }))
  const groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows))
  const rows = groups.reduce((sum, n) => sum + n, 0)
  if (!groups.every((n) => Number.isSafeInteger(n) && n >= 0) || rows !== Number(metadata.num_rows)) {
    throw new Error(`the groups have ${rows} rows, the file ${metadata.num_rows}`)
  }
  return { file, metadata, columns, groups, rows }
}

/** Codecs, each with a column that is packed with it. */
function codecsOf({ row_groups }, available) {
  const codecs = new Map()
  for (const { meta_data: data } of row_groups.flatMap(({ columns }) => columns)) {
    const name = data?.path_in_schema?.[0]
    if (name === undefined || codecs.has(`${data.codec} ${name}`)) continue
    const readable = data.codec === 'UNCOMPRESSED' || data.codec === 'SNAPPY' || Object.hasOwn(available, data.codec)
    codecs.set(`${data.codec} ${name}`, { codec: String(data.codec), name, readable })
  }
  return [...codecs.values()]
}

/** All cells of a column, a group of rows at a time. */
async function cellsOf({ file, metadata, groups }, name, compressors) {
  const cells = []
  const onChunk = ({ columnData }) => {
    for (let i = 0; i < columnData.length; i++) cells.push(columnData[i])
  }
  let rowStart = 0
  for (const rows of groups) {
    const rowEnd = rowStart + rows
    await parquetRead({ file, metadata, columns: [name], rowStart, rowEnd, compressors, parsers, onChunk })
    if (cells.length !== rowEnd) throw new Error(`${rowEnd} rows so far, but ${cells.length} cells`)
    rowStart = rowEnd
  }
  return cells
}

/** What a column holds, in a form that can be sent. Rows are counted from 1. */
function packed(cells) {
  const missing = cells.findIndex((cell) => cell === null || cell === undefined)
  if (missing >= 0) return { kind: 'missing', row: missing + 1 }
  const kinds = [...new Set(cells.map((cell) => (cell instanceof Date ? 'date' : typeof cell)))]
  if (kinds.length === 1) {
    if (kinds[0] === 'number') return { kind: 'number', values: Float64Array.from(cells) }
    if (kinds[0] === 'boolean') return { kind: 'boolean', values: Uint8Array.from(cells) }
    if (kinds[0] === 'string') return { kind: 'string', values: cells }
    if (kinds[0] === 'bigint') {
      const large = cells.findIndex((cell) => cell >= 2n ** 63n)
      if (large >= 0) return { kind: 'large', row: large + 1, value: String(cells[large]) }
      return { kind: 'bigint', values: BigInt64Array.from(cells) }
    }
  }
  return { kind: 'other', held: kinds }
}

const problem = (error) => ({ kind: 'problem', problem: error instanceof Error ? error.message : String(error) })
const compressors = await unpackers()
let opened
try {
  opened = open()
  const { columns, rows, metadata } = opened
  process.send({ kind: 'opened', columns, rows, codecs: codecsOf(metadata, compressors) })
} catch (error) {
  process.send(problem(error))
}
process.on('message', async ({ column }) => {
  try {
    process.send(packed(await cellsOf(opened, column, compressors)))
  } catch (error) {
    process.send(problem(error))
  }
})
