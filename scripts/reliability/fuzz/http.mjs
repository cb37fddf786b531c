// Requests to a service: bodies given to the routes' own functions, a million of them, and bytes to the socket of a server.
import { connect } from 'node:net'
import { join } from 'node:path'
import { data, detectors, Energy, energies, ood } from '../../../dist/index.js'
import { inferAnswer, scoreAnswer } from '../../../dist/serve/answers.js'
import { answerOf } from '../../../dist/serve/http-error.js'
import { startServer } from '../../../dist/serve/server.js'
import { Service } from '../../../dist/serve/service.js'
import { scratch } from '../lib/scratch.mjs'
import { mutated, mutatedJson } from './mutate.mjs'

const below = (random, n) => Math.floor(random() * n)
const one = (random, list) => list[below(random, list.length)]

/** A detector of named columns and an energy of three. */
export async function served() {
  const folder = scratch('served')
  const rows = data.fromRows(Array.from({ length: 60 }, (_, i) => ({ size: 1000 + i, speed: Math.sin(i) })))
  const fitted = await ood.fit(detectors.knn({ k: 3 }), rows, { heldOut: 0.3, fpr: 0.1 })
  const machines = join(folder, 'machines.safetensors')
  await fitted.save(machines)
  fitted.dispose()
  const energy = await Energy.create(energies.mlp({ input: 3, hidden: [8], gaussianBase: 2 }), { seed: 5 })
  const plain = join(folder, 'plain.safetensors')
  await energy.save(plain)
  energy.dispose()
  return { machines, plain }
}

/** The status of an answer. A refusal has one below 500, or 503; anything else was not foreseen. */
async function statusOf(work) {
  try {
    await work()
    return 'HTTP 200'
  } catch (error) {
    const { status } = answerOf(error)
    if (status === 500) throw error
    return `HTTP ${status}`
  }
}

const SCORE = [
  { rows: [{ size: 1001, speed: 0.5 }], model: 'machines', threshold: 3, contributions: false },
  {
    rows: [
      [1001, 0.5],
      [1002, 0.1],
    ],
    model: 'machines',
    version: '1',
    fpr: 0.05,
  },
  { rows: [[1, 2, 3]], model: 'plain' },
  [[1, 2, 3]],
]

/** JSON as text: damaged as a value, or as a text. */
const textOf = (seeds, random) => {
  const seed = one(random, seeds)
  return random() < 0.7
    ? Buffer.from(JSON.stringify(mutatedJson(seed, random)) ?? '')
    : mutated(Buffer.from(JSON.stringify(seed)), random)
}

export async function score() {
  const service = await Service.open({ models: await served(), threads: 1, maxRows: 100 })
  return {
    make: (random) => ({
      body: textOf(SCORE, random),
      name: random() < 0.1 ? one(random, ['machines', 'none', '__proto__', 'constructor']) : undefined,
    }),
    read: ({ body, name }) => statusOf(() => scoreAnswer(service, name, body, {})),
    close: () => service.close(),
  }
}

const INFER = [
  {
    id: 'a',
    inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1001, 0.5] }],
    outputs: [{ name: 'score' }],
  },
  {
    inputs: [
      { name: 'size', shape: [2, 1], datatype: 'INT64', data: [1, 2] },
      { name: 'speed', shape: [2], datatype: 'FP64', data: [0.1, 0.2] },
    ],
  },
  {
    inputs: [
      {
        name: 'x',
        shape: [2, 2],
        datatype: 'FP64',
        data: [
          [1, 2],
          [3, 4],
        ],
      },
    ],
    parameters: { fpr: 0.1, binary_data_output: true },
  },
  {
    inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', parameters: { binary_data_size: 8 } }],
    outputs: [{ name: 'accept', parameters: { binary_data: true } }],
  },
  { inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP16', parameters: { binary_data_size: 4 } }] },
]

export async function infer() {
  const service = await Service.open({ models: await served(), threads: 1, maxRows: 100 })
  const model = service.models.find('machines')
  const make = (random) => {
    const json = textOf(INFER, random)
    if (random() < 0.4) return { body: json, header: undefined }
    const raw = Buffer.from(
      Array.from({ length: one(random, [0, 4, 8, 8, 16, below(random, 40)]) }, () => below(random, 256)),
    )
    const header =
      random() < 0.8
        ? String(json.length)
        : one(random, ['-1', '', '1e3', '99999999999', String(below(random, 300)), ['1', '2'], '0x10'])
    return { body: Buffer.concat([json, raw]), header }
  }
  return {
    make,
    read: ({ body, header }) => statusOf(() => inferAnswer(service, model, body, header, {})),
    close: () => service.close(),
  }
}

const REQUEST = (body) =>
  Buffer.from(
    `POST /v2/models/machines/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
const RAW = [
  REQUEST(JSON.stringify(INFER[0])),
  REQUEST(JSON.stringify(INFER[1])),
  Buffer.from('GET /v2/models/..%2f..%2fetc%2fpasswd/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
  Buffer.from(
    'POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n[[1,2\r\n2\r\n]]\r\n0\r\n\r\n',
  ),
  Buffer.from(
    'GET /metrics HTTP/1.1\r\nHost: x\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nConnection: close\r\n\r\n',
  ),
]

/** Sends bytes and closes its side; the status of the answer, if there is one. */
function exchange(port, bytes) {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end(bytes))
    socket.on('data', (chunk) => {
      text = (text + chunk).slice(0, 64)
    })
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer in 5 s')))
    socket.on('error', (error) => {
      if (/no answer/.test(error.message)) text = 'HTTP/1.1 timeout'
    })
    socket.on('close', () => resolve(/^HTTP\/1\.1 (\S+)/.exec(text)?.[1]))
  })
}

export async function raw() {
  const server = await startServer({ models: await served(), threads: 1, maxRows: 100, port: 0, logLevel: 'silent' })
  const port = Number(new URL(server.url).port)
  const read = async (bytes) => {
    const status = await exchange(port, bytes)
    if (status === '500' || status === 'timeout') throw new Error(`the server answered ${status}`)
    return status === undefined ? 'closed' : `HTTP ${status}`
  }
  return { make: (random) => mutated(one(random, RAW), random), read, close: () => server.close() }
}
