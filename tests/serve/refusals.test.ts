/** Whatever a client sends: JSON with { error } and a status of 4xx (503 when there is too much), never 500, never a hang. */
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningServer } from '../../src/serve/server.js'
import { temporaryFolder } from '../helpers/cli.js'
import { type Answered, ask, post, serve, writeDetector, writeEnergy } from './support.js'

const folder = temporaryFolder('refusals')
let server: RunningServer
beforeAll(async () => {
  const models = { machines: await writeDetector(folder, 'machines'), net: await writeEnergy(folder, 'net') }
  server = await serve({ models, maxRows: 50, maxBody: 20_000 })
})
afterAll(() => server.close())

const tensor = (more: object = {}) => ({ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1000, 0], ...more })
const json = { 'content-type': 'application/json' }
const INFER = '/v2/models/machines/infer'
const NET = '/v2/models/net/infer'

type Case = [what: string, path: string, init: RequestInit, status: number, text: RegExp]
const send = (body: unknown, headers: Record<string, string> = json): RequestInit => ({
  method: 'POST',
  headers,
  body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
})
const inputs = (...list: object[]) => send({ inputs: list })
const binary = (length: string, body: string | Uint8Array) =>
  send(body, { 'content-type': 'application/octet-stream', 'inference-header-content-length': length })
const claimed = JSON.stringify({ inputs: [{ ...tensor(), data: undefined, parameters: { binary_data_size: 8 } }] })

const CASES: Case[] = [
  ['an unknown path', '/nowhere', {}, 404, /there is no GET \/nowhere/],
  ['an unknown path below v2', '/v2/nothing/here', {}, 404, /there is no GET/],
  ['a path that is no URL', '/v2/%zz', {}, 400, /./],
  ['an unknown model', '/v2/models/nobody', {}, 404, /unknown model 'nobody'/],
  ['an unknown model to infer', '/v2/models/nobody/infer', send({}), 404, /unknown model 'nobody'/],
  // Of neither can a text or a number be made.
  [
    'an object where a number is wanted',
    INFER,
    inputs(tensor({ data: [JSON.parse('{"toString":1,"valueOf":1}'), 0] })),
    400,
    /an object, not a number/,
  ],
  [
    'an object with an odd length',
    '/score',
    send({ model: 'net', rows: JSON.parse('{"length":{"toString":1,"valueOf":1}}') }),
    400,
    /./,
  ],
  ['a name of an object', '/v2/models/constructor', {}, 404, /unknown model/],
  ['an unknown version', '/v2/models/machines/versions/9/ready', {}, 404, /has no version '9'/],
  ['an unknown model of score', '/score/nobody', send([[1, 2]]), 404, /unknown model/],
  ['the wrong method', INFER, {}, 405, /GET is not allowed/],
  ['the wrong method of health', '/v2/health/live', { method: 'DELETE' }, 405, /GET is/],
  ['reload where it is off', '/v2/repository/models/machines/load', send(''), 404, /there is no POST/],
  ['another content type', INFER, send('a=b', { 'content-type': 'text/plain' }), 415, /content type 'text\/plain'/],
  ['a form', '/score', send('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415, /not known/],
  ['a compressed body', INFER, send('x', { ...json, 'content-encoding': 'gzip' }), 415, /content encoding 'gzip'/],
  ['a body too large', INFER, send('x'.repeat(30_000)), 413, /too large/],
  ['no body', INFER, { method: 'POST' }, 400, /is empty/],
  ['no body of JSON', INFER, send(''), 400, /is empty/],
  ['broken JSON', INFER, send('{"inputs": ['), 400, /not JSON/],
  ['bytes that are no text', INFER, send(Uint8Array.of(0x7b, 0xff, 0x7d)), 400, /UTF-8/],
  ['JSON of another kind', INFER, send('17'), 400, /body/],
  ['no inputs', INFER, send({}), 400, /body\.inputs/],
  ['inputs that are none', INFER, send({ inputs: [] }), 400, /body\.inputs/],
  ['an id that is no text', INFER, send({ id: 7, inputs: [tensor()] }), 400, /body\.id/],
  ['a shape that is none', INFER, inputs(tensor({ shape: [-1, 2] })), 400, /shape/],
  ['a shape of ninety axes', INFER, inputs(tensor({ shape: Array(90).fill(1) })), 400, /shape/],
  ['a shape beyond all memory', INFER, inputs(tensor({ shape: [1, 2 ** 40] })), 400, /more numbers/],
  ['an unknown datatype', INFER, inputs(tensor({ datatype: 'FP8' })), 400, /datatype 'FP8'/],
  ['a datatype of Object', INFER, inputs(tensor({ datatype: 'constructor' })), 400, /datatype/],
  ['texts', INFER, inputs(tensor({ datatype: 'BYTES', data: ['a', 'b'] })), 400, /datatype 'BYTES'/],
  ['no data', INFER, inputs(tensor({ data: undefined })), 400, /has no data/],
  ['too few numbers', INFER, inputs(tensor({ data: [1] })), 400, /data has 1 numbers/],
  ['null among numbers', INFER, inputs(tensor({ data: [1, null] })), 400, /data\[1\] is null/],
  ['a text among numbers', INFER, inputs(tensor({ data: [1, '2'] })), 400, /data\[1\] is a text/],
  ['a fraction as INT32', INFER, inputs(tensor({ datatype: 'INT32', data: [1, 0.5] })), 400, /whole number/],
  ['300 as UINT8', INFER, inputs(tensor({ datatype: 'UINT8', data: [1, 300] })), 400, /UINT8/],
  [
    'an INT64 that JSON cannot hold',
    INFER,
    send('{"inputs":[{"name":"x","shape":[1,2],"datatype":"INT64","data":[9007199254740993,1]}]}'),
    400,
    /exactly/,
  ],
  ['a number beyond FP32', INFER, inputs(tensor({ data: [1, 1e39] })), 400, /beyond FP32/],
  ['2 as BOOL', INFER, inputs(tensor({ datatype: 'BOOL', data: [true, 2] })), 400, /not true or false/],
  ['ragged lists', INFER, inputs(tensor({ shape: [2, 2], data: [[1, 2], [3]] })), 400, /list of 1/],
  ['lists one level too deep', INFER, inputs(tensor({ data: [[[1, 2]]] })), 400, /list/],
  ['one axis', INFER, inputs(tensor({ shape: [2] })), 400, /rows have shape \[n, 2\]/],
  ['three columns for two', INFER, inputs(tensor({ shape: [1, 3], data: [1, 2, 3] })), 400, /\[n, 2\]/],
  ['too many rows', INFER, inputs(tensor({ shape: [51, 2], data: Array(102).fill(1) })), 413, /51 rows/],
  [
    'a column that is missing',
    INFER,
    inputs(tensor({ name: 'size', shape: [1], data: [1] })),
    400,
    /there is no 'speed'/,
  ],
  [
    'a column twice',
    INFER,
    inputs(tensor({ name: 'size', shape: [1], data: [1] }), tensor({ name: 'size', shape: [1], data: [1] })),
    400,
    /two columns/,
  ],
  [
    'columns of unlike lengths',
    INFER,
    inputs(tensor({ name: 'size', shape: [1], data: [1] }), tensor({ name: 'speed', shape: [2], data: [1, 2] })),
    400,
    /has 2 rows/,
  ],
  ['names for a model without', NET, inputs(tensor({ name: 'a', shape: [1], data: [1] })), 400, /knows no columns/],
  [
    'an unknown output',
    INFER,
    send({ inputs: [tensor()], outputs: [{ name: 'probability' }] }),
    400,
    /no output 'probability'/,
  ],
  [
    'an output twice',
    INFER,
    send({ inputs: [tensor()], outputs: [{ name: 'score' }, { name: 'score' }] }),
    400,
    /twice/,
  ],
  [
    'an output the model has not',
    INFER,
    send({ inputs: [tensor()], outputs: [{ name: 'energy' }] }),
    400,
    /no output 'energy'/,
  ],
  [
    'percentiles without held-out rows',
    NET,
    send({ inputs: [tensor({ shape: [1, 3], data: [1, 2, 3] })], outputs: [{ name: 'percentile' }] }),
    400,
    /held-out/,
  ],
  [
    'contributions without reference rows',
    NET,
    send({ inputs: [tensor({ shape: [1, 3], data: [1, 2, 3] })], outputs: [{ name: 'contributions' }] }),
    400,
    /reference rows/,
  ],
  [
    'a threshold that is no number',
    INFER,
    send({ inputs: [tensor()], parameters: { threshold: 'high' } }),
    400,
    /threshold must be a number/,
  ],
  ['a parameter that is a list', INFER, send({ inputs: [tensor()], parameters: { threshold: [] } }), 400, /parameters/],
  ['a rate of 2', INFER, send({ inputs: [tensor()], parameters: { fpr: 2 } }), 400, /between 0 and 1/],
  [
    'a row so far out that nothing is left',
    NET,
    inputs(tensor({ shape: [1, 3], data: [3e38, 3e38, 3e38] })),
    400,
    /NON_FINITE/,
  ],
  ['a header length beyond the body', INFER, binary('9999', claimed), 400, /not a length within/],
  ['a header length that is no number', INFER, binary('-1', claimed), 400, /not a length/],
  ['fewer bytes than claimed', INFER, binary(String(claimed.length), `${claimed}abc`), 400, /bytes are left/],
  ['more bytes than claimed', INFER, binary(String(claimed.length), `${claimed}0123456789`), 400, /no input claims/],
  [
    'a size that does not fit the shape',
    INFER,
    binary(
      String(claimed.replace('8', '7').length),
      `${claimed.replace('"binary_data_size":8', '"binary_data_size":7')}1234567`,
    ),
    400,
    /make 8 bytes/,
  ],
  ['rows of two kinds', '/score/machines', send([[1, 2], { size: 1, speed: 2 }]), 400, /some are lists/],
  ['a row without a key', '/score/machines', send([{ size: 1 }]), 400, /there is no 'speed'/],
  ['a row with a key too many', '/score/machines', send([{ size: 1, speed: 2, colour: 3 }]), 400, /'colour'/],
  ['a row with a text', '/score/machines', send([{ size: 1, speed: 'fast' }]), 400, /text/],
  ['a row with null', '/score/machines', send([{ size: 1, speed: null }]), 400, /missing/],
  ['a row with __proto__', '/score/machines', send('[{"size":1,"speed":2,"__proto__":{"a":1}}]'), 400, /__proto__/],
  ['no rows', '/score/machines', send([]), 400, /body/],
  ['rows that are numbers', '/score/machines', send([1, 2]), 400, /body/],
  ['an unknown option of score', '/score/machines', send({ rows: [[1, 2]], treshold: 1 }), 400, /treshold/],
  ['too many rows of score', '/score/machines', send(Array(51).fill([1, 2])), 413, /51 rows/],
  ['lists in lists without end', '/score/machines', send(`${'['.repeat(9000)}${']'.repeat(9000)}`), 400, /./],
]

function isRefusal({ status, headers, body }: Answered): void {
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(Object.keys(body)).toEqual(['error'])
  expect(body.error).toBeTypeOf('string')
  expect(body.error.length).toBeGreaterThan(0)
  expect(body.error).not.toMatch(/node_modules|\.js:\d/)
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
}

describe('a refusal', () => {
  test.each(CASES)('of %s', async (_, path, init, status, text) => {
    const found = await ask(`${server.url}${path}`, init)
    isRefusal(found)
    expect([found.status, found.body.error]).toEqual([status, expect.stringMatching(text)])
    if (status === 405) expect(found.headers.get('allow')).toMatch(/GET|POST/)
    // The server is as it was.
    const { body } = await post(`${server.url}/score/machines`, [[1000, 0]])
    expect(body.rows).toHaveLength(1)
  })

  test('of what is no HTTP has a body too', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.write('hello?\r\n\r\n')
    let said = ''
    socket.on('data', (chunk) => {
      said += chunk
    })
    await once(socket, 'end')
    const [head, body] = said.split('\r\n\r\n') as [string, string]
    expect(head).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(body)).toEqual({ error: expect.stringMatching(/not a request/) })
  })

  test('is all that random JSON gets, and random bytes', async () => {
    const paths = fc.constantFrom(INFER, NET, '/score', '/score/machines', '/v2/models/x/infer')
    const near = fc.record(
      {
        name: fc.constantFrom('x', 'size', 'speed', '__proto__', ''),
        shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 3 }), fc.jsonValue()),
        datatype: fc.constantFrom('FP32', 'FP64', 'INT8', 'BOOL', 'BYTES', 'toString'),
        data: fc.oneof(
          fc.array(fc.oneof(fc.double(), fc.boolean(), fc.constant(null)), { maxLength: 6 }),
          fc.jsonValue(),
        ),
        parameters: fc.oneof(fc.jsonValue(), fc.record({ binary_data_size: fc.integer({ min: -1, max: 40 }) })),
      },
      { requiredKeys: [] },
    )
    const bodies = fc.oneof(
      fc.json(),
      fc
        .record({ inputs: fc.array(near, { maxLength: 3 }), outputs: fc.option(fc.jsonValue(), { nil: undefined }) })
        .map((body) => JSON.stringify(body)),
      fc
        .record({
          rows: fc.array(
            fc.oneof(fc.array(fc.double()), fc.dictionary(fc.constantFrom('size', 'speed', 'x'), fc.jsonValue())),
          ),
        })
        .map((body) => JSON.stringify(body)),
      fc.uint8Array({ maxLength: 60 }),
    )
    const heads = fc.option(fc.integer({ min: 0, max: 120 }).map(String), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(paths, bodies, heads, async (path, body, head) => {
        const headers =
          head === undefined
            ? json
            : { 'content-type': 'application/octet-stream', 'inference-header-content-length': head }
        const found = await ask(`${server.url}${path}`, send(body, headers))
        if (found.status === 200) expect(found.body).toBeTypeOf('object')
        else isRefusal(found)
      }),
      { numRuns: 400 },
    )
  })
})
