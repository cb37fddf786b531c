/** The Open Inference Protocol v2 as its specification has it, its binary extension, and /score: every value against the library. */
import { readFileSync } from 'node:fs'
import { request as rawRequest } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import { Energy } from '../../src/energy.js'
import * as ood from '../../src/ood/index.js'
import { langevin } from '../../src/serve/fastify.js'
import type { RunningServer } from '../../src/serve/server.js'
import { temporaryFolder } from '../helpers/cli.js'
import { ask, listed, namedRows, post, serve, writeDetector, writeEnergy } from './support.js'

const folder = temporaryFolder('protocol')
const root = fileURLToPath(new URL('../../', import.meta.url))
let server: RunningServer
let fitted: ood.FittedDetector
let energy: Energy
let url: string
beforeAll(async () => {
  const file = await writeDetector(folder, 'machines')
  const newer = await writeDetector(folder, 'newer', 2)
  const net = await writeEnergy(folder, 'net')
  server = await serve({
    models: { machines: [{ file }, { file: newer, version: '2' }], net },
    reload: true,
    maxRows: 100,
    maxBody: 20_000,
  })
  url = server.url
  fitted = await ood.load(newer)
  energy = await Energy.load(net)
})
afterAll(async () => {
  await server.close()
  fitted.dispose()
  energy.dispose()
})

// The last one is far out.
const rows = [...namedRows(5, 9), { size: 1400, speed: 0.06 }]
const x = { name: 'x', shape: [6, 2], datatype: 'FP64', data: listed(rows).flat() }
const infer = (body: unknown, model = 'machines') => post(`${url}/v2/models/${model}/infer`, body)
const outputsIn = (body: { outputs: { name: string; data: unknown[] }[] }) =>
  Object.fromEntries(body.outputs.map(({ name, data: values }) => [name, values]))

/** The routes of a service, as fastify is told of them; the document itself, the slash at the end and what is refused left out. */
async function routesOf(): Promise<Set<string>> {
  const app = Fastify()
  const found = new Set<string>()
  app.addHook('onRoute', ({ method, url: path }) => {
    const one = typeof method === 'string' && method !== 'HEAD'
    if (one && path !== '/openapi.json' && path !== '/v2/') found.add(`${method} ${path}`)
  })
  await app.register(langevin, { service: server.service })
  await app.close()
  return found
}

describe('health and metadata', () => {
  test('have the bodies of the specification', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const answers: [string, unknown][] = [
      ['/v2/health/live', { live: true }],
      ['/v2/health/ready', { live: true }],
      ['/v2', { name: 'langevin', version, extensions: ['binary_tensor_data'] }],
      ['/v2/', { name: 'langevin', version, extensions: ['binary_tensor_data'] }],
      ['/v2/models/machines/ready', { name: 'machines', ready: true }],
      ['/v2/models/machines/versions/1/ready', { name: 'machines', ready: true }],
      [
        '/v2/models/net',
        {
          name: 'net',
          versions: ['1'],
          platform: 'langevin_safetensors',
          inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
          outputs: [
            { name: 'energy', datatype: 'FP64', shape: [-1] },
            { name: 'score', datatype: 'FP64', shape: [-1] },
          ],
        },
      ],
    ]
    for (const [path, body] of answers) {
      const found = await ask(`${url}${path}`)
      expect([found.status, found.body], path).toEqual([200, body])
      expect(found.headers.get('content-type')).toMatch(/^application\/json/)
    }
    const { body } = await ask(`${url}/v2/models/machines/versions/2`)
    expect(body.versions).toEqual(['1', '2'])
    expect(body.outputs.map(({ name, datatype }: { name: string; datatype: string }) => [name, datatype])).toEqual([
      ['score', 'FP64'],
      ['percentile', 'FP64'],
      ['accept', 'BOOL'],
    ])
  })

  test('the OpenAPI document describes every route that answers', async () => {
    const { body } = await ask(`${url}/openapi.json`)
    const routed = await routesOf()
    expect(body.openapi).toBe('3.1.0')
    const fill = (path: string) => path.replace('{name}', 'machines').replace('{version}', '1')
    for (const [path, methods] of Object.entries(body.paths as Record<string, object>)) {
      for (const method of Object.keys(methods)) {
        const { status } = await ask(`${url}${fill(path)}`, { method: method.toUpperCase() })
        // A GET answers, an empty POST is refused for its body: neither is an unknown route.
        expect([200, 400], `${method} ${path}`).toContain(status)
      }
    }
    // And the other way round: every route that was registered is in the document.
    const registered = [...routed].map((route) => route.replace(/:(\w+)/g, '{$1}'))
    const described = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual(registered.sort())
    const text = JSON.stringify(body)
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(body.components.schemas[name!], name).toBeTypeOf('object')
    }
    expect(body.components.schemas.inferRequest.required).toEqual(['inputs'])
  })
})

describe('infer', () => {
  test('gives all outputs of a model, with the bits of the library', async () => {
    const { status, body } = await infer({ id: 'request 42', inputs: [x] })
    expect(status).toBe(200)
    expect([body.model_name, body.model_version, body.id]).toEqual(['machines', '2', 'request 42'])
    const { score, percentile, accept } = outputsIn(body)
    const wanted = await fitted.decide(data.fromRows(rows))
    expect(score).toEqual([...wanted.scores])
    expect(accept).toEqual(wanted.accept)
    expect(percentile).toEqual([...wanted.scores].map((value) => 100 * fitted.quantile(value)))
    expect(new Set(accept).size).toBe(2)
    for (const output of body.outputs) expect(output.shape).toEqual([6])
  })

  test('takes nested data, columns by name in any order, and every exact datatype', async () => {
    const whole = rows.map(({ size }) => ({ size: Math.round(size), speed: 0 }))
    const wanted = [...((await fitted.scores(data.fromRows(whole))).toTypedArray() as Float64Array)]
    const column = (name: 'size' | 'speed', datatype: string, shape = [6]) => ({
      name,
      shape,
      datatype,
      data: whole.map((row) => row[name]),
    })
    const bodies = [
      { inputs: [{ name: 'x', shape: [6, 2], datatype: 'FP64', data: listed(whole) }] },
      { inputs: [{ name: 'x', shape: [6, 2], datatype: 'FP32', data: listed(whole) }] },
      { inputs: [{ name: 'x', shape: [6, 2], datatype: 'INT64', data: listed(whole).flat() }] },
      { inputs: [column('speed', 'BOOL'), column('size', 'UINT16', [6, 1])] },
      { inputs: [column('size', 'INT32'), column('speed', 'FP64')] },
    ]
    for (const [k, body] of bodies.entries()) {
      expect(outputsIn((await infer(body)).body).score, `body ${k}`).toEqual(wanted)
    }
  })

  test('gives the outputs that are asked for, in their order', async () => {
    const { body } = await infer({ inputs: [x], outputs: [{ name: 'contributions' }, { name: 'score' }] })
    expect(body.outputs.map(({ name }: { name: string }) => name)).toEqual(['contributions', 'score'])
    const [first] = body.outputs
    expect(first.shape).toEqual([6, 2])
    expect(first.data).toEqual([...((await fitted.contributions(data.fromRows(rows))).toTypedArray() as Float64Array)])
    const asked = await infer({ inputs: [x], parameters: { contributions: true } })
    expect(outputsIn(asked.body).contributions).toEqual(first.data)
  })

  test('decides by threshold or rate of the request, before those of the model', async () => {
    const scores = outputsIn((await infer({ inputs: [x] })).body).score as number[]
    const middle = [...scores].sort((a, b) => a - b)[2]!
    const by = async (parameters: object, model?: string) => (await infer({ inputs: [x], parameters }, model)).body
    expect(outputsIn(await by({ threshold: middle })).accept).toEqual(scores.map((score) => score <= middle))
    const rate = (await fitted.decide(data.fromRows(rows), { fpr: 0.3 })).accept
    expect(outputsIn(await by({ fpr: 0.3 })).accept).toEqual(rate)
    expect((await by({ fpr: 0.3, threshold: 1 })).error).toMatch(/not both/)
    expect((await by({ fpr: 1e-9 })).error).toMatch(/needs at least/)
    const net = { name: 'x', shape: [1, 3], datatype: 'FP32', data: [0.5, -1, 2] }
    const found = (await infer({ inputs: [net], parameters: { threshold: 1e6 } }, 'net')).body
    const e = (await energy.energy([[0.5, -1, 2]])).toArray() as number[]
    expect(outputsIn(found)).toEqual({ energy: e, score: e, accept: [true] })
    expect((await infer({ inputs: [net], outputs: [{ name: 'accept' }] }, 'net')).body.error).toMatch(
      /needs a threshold/,
    )
  })
})

/** What numpy clients send: JSON, then the bytes of every tensor; answered in kind. */
async function binary(path: string, body: object, parts: Buffer[], type?: string) {
  const json = Buffer.from(JSON.stringify(body))
  const bytes = Buffer.concat([json, ...parts])
  const { promise, resolve, reject } = deferred<{ status: number; headers: Record<string, unknown>; bytes: Buffer }>()
  const { hostname, port } = new URL(url)
  const headers = {
    'inference-header-content-length': json.length,
    'content-length': bytes.length,
    ...(type && { 'content-type': type }),
  }
  const sent = rawRequest({ hostname, port, path, method: 'POST', headers }, async (response) => {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(chunks) })
  })
  sent.on('error', reject)
  sent.end(bytes)
  return promise
}
function deferred<T>() {
  let [resolve, reject] = [(_: T) => {}, (_: unknown) => {}]
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('the binary extension', () => {
  const raw = Buffer.from(Float64Array.from(listed(rows).flat()).buffer)
  const input = { name: 'x', shape: [6, 2], datatype: 'FP64', parameters: { binary_data_size: raw.length } }

  test('takes raw tensors and gives them, with and without a content type', async () => {
    const wanted = await fitted.decide(data.fromRows(rows))
    for (const type of ['application/octet-stream', undefined]) {
      const body = { id: 'b', inputs: [input], parameters: { binary_data_output: true } }
      const { status, headers, bytes } = await binary('/v2/models/machines/infer', body, [raw], type)
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('application/octet-stream')
      const length = Number(headers['inference-header-content-length'])
      const json = JSON.parse(bytes.subarray(0, length).toString())
      expect(json.id).toBe('b')
      let at = length
      const parts = new Map<string, Buffer>()
      for (const output of json.outputs) {
        expect(output.data).toBeUndefined()
        parts.set(output.name, bytes.subarray(at, at + output.parameters.binary_data_size))
        at += output.parameters.binary_data_size
      }
      expect(at).toBe(bytes.length)
      const score = parts.get('score')!
      expect(wanted.scores.every((value, k) => score.readDoubleLE(8 * k) === value)).toBe(true)
      expect([...parts.get('accept')!]).toEqual(wanted.accept.map(Number))
    }
  })

  test('mixes JSON and bytes, in and out, by tensor', async () => {
    const size = { name: 'size', shape: [6], datatype: 'FP64', data: rows.map((row) => row.size) }
    const speeds = Buffer.from(Float64Array.from(rows.map(({ speed }) => speed)).buffer)
    const speed = { name: 'speed', shape: [6], datatype: 'FP64', parameters: { binary_data_size: 48 } }
    const outputs = [{ name: 'accept' }, { name: 'score', parameters: { binary_data: true } }]
    const { headers, bytes } = await binary('/v2/models/machines/infer', { inputs: [size, speed], outputs }, [speeds])
    const length = Number(headers['inference-header-content-length'])
    const json = JSON.parse(bytes.subarray(0, length).toString())
    const wanted = await fitted.decide(data.fromRows(rows))
    expect(json.outputs[0].data).toEqual(wanted.accept)
    expect(bytes.readDoubleLE(length)).toBe(wanted.scores[0])
  })

  test('reads FP16, FP32, whole numbers and BOOL', async () => {
    const net = async (datatype: string, bytes: Buffer) => {
      const body = { inputs: [{ name: 'x', shape: [1, 3], datatype, parameters: { binary_data_size: bytes.length } }] }
      const found = await binary('/v2/models/net/infer', body, [bytes])
      return found.status === 200 ? outputsIn(JSON.parse(found.bytes.toString())).energy : found.bytes.toString()
    }
    const e = async (row: number[]) => (await energy.energy([row])).toArray()
    // 1, -2 and 0.5 as IEEE halves; the smallest subnormal and 65504.
    expect(await net('FP16', Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x3800).buffer))).toEqual(await e([1, -2, 0.5]))
    expect(await net('FP16', Buffer.from(Uint16Array.of(1, 0x7bff, 0x8000).buffer))).toEqual(
      await e([2 ** -24, 65504, -0]),
    )
    expect(await net('FP32', Buffer.from(Float32Array.of(0.1, 2, -3).buffer))).toEqual(await e([0.1, 2, -3]))
    expect(await net('INT64', Buffer.from(BigInt64Array.of(-5n, 7n, 0n).buffer))).toEqual(await e([-5, 7, 0]))
    expect(await net('UINT8', Buffer.of(1, 2, 255))).toEqual(await e([1, 2, 255]))
    expect(await net('BOOL', Buffer.of(1, 0, 1))).toEqual(await e([1, 0, 1]))
    expect(await net('INT64', Buffer.from(BigInt64Array.of(2n ** 60n, 7n, 0n).buffer))).toMatch(/beyond 2\^53/)
    expect(await net('FP32', Buffer.from(Float32Array.of(Number.NaN, 2, 3).buffer))).toMatch(/NON_FINITE/)
  })
})

describe('/score', () => {
  test('takes rows as objects, in any order of keys, and as lists', async () => {
    const wanted = await fitted.decide(data.fromRows(rows))
    const reversed = rows.map(({ size, speed }) => ({ speed, size }))
    for (const given of [reversed, listed(rows)]) {
      const { status, body } = await post(`${url}/score/machines`, { rows: given })
      expect(status).toBe(200)
      expect([body.model, body.version, body.threshold]).toEqual(['machines', '2', wanted.threshold])
      expect(body.rows).toEqual(
        [...wanted.scores].map((score, k) => ({
          score,
          percentile: 100 * fitted.quantile(score),
          pValue: wanted.pValues[k],
          accept: wanted.accept[k],
        })),
      )
    }
    const { body } = await post(`${url}/score`, {
      model: 'machines',
      version: '1',
      rows: [rows[0]],
      contributions: true,
    })
    expect(Object.keys(body.rows[0].contributions)).toEqual(['size', 'speed'])
    const net = await post(`${url}/score/net`, [[0.5, -1, 2]])
    expect(net.body.rows[0].energy).toBe(((await energy.energy([[0.5, -1, 2]])).toArray() as number[])[0])
  })

  test('says which model where there are several', async () => {
    const { status, body } = await post(`${url}/score`, [rows[0]])
    expect(status).toBe(400)
    expect(body.error).toMatch(/several models/)
  })
})
