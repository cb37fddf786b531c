// autocannon in a process of its own. Requests are JSON or binary, answers JSON, of which every digit is compared. argv: JSON { url, way, seconds, connections, rate?, rows, input, check }. Bodies are made
// beforehand; each answer is compared with the one that the same body had before the load.
import autocannon from 'autocannon'
import { randomFrom } from '../lib/child.mjs'

const { url, way, seconds, connections, rate, rows = 8, input = 784, check = true } = JSON.parse(process.argv[2])
const BODIES = 16

function bodyOf(seed) {
  const random = randomFrom(seed)
  const values = Float32Array.from({ length: rows * input }, () => random() * 2 - 1)
  if (way === 'json') {
    const list = Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * input, (i + 1) * input)))
    return { body: Buffer.from(JSON.stringify({ rows: list })), headers: { 'content-type': 'application/json' } }
  }
  const x = { name: 'x', shape: [rows, input], datatype: 'FP32', parameters: { binary_data_size: values.byteLength } }
  const json = Buffer.from(JSON.stringify({ inputs: [x], outputs: [{ name: 'score' }] }))
  return {
    body: Buffer.concat([json, Buffer.from(values.buffer)]),
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(json.length) },
  }
}

const path = way === 'json' ? '/score' : '/v2/models/m/infer'
const requests = await Promise.all(
  Array.from({ length: BODIES }, async (_, k) => {
    const { body, headers } = bodyOf(k + 1)
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body })
    const expected = Buffer.from(await response.arrayBuffer()).toString('utf8')
    if (response.status !== 200) throw new Error(`${response.status} ${expected.slice(0, 200)}`)
    return { method: 'POST', path, headers, body, expected }
  }),
)
let [right, wrong] = [0, 0]
const statuses = {}
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  timeout: 30,
  ...(rate && { overallRate: rate }),
  requests: requests.map(({ expected, ...request }) => ({
    ...request,
    onResponse: (status, body) => {
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status !== 200 || !check) return
      if (body === expected) right++
      else wrong++
    },
  })),
})
const { p50, p99, max } = result.latency
process.send({
  result: {
    perSecond: (statuses[200] ?? 0) / result.duration,
    answered: statuses[200] ?? 0,
    right,
    wrong,
    statuses,
    errors: result.errors,
    timeouts: result.timeouts,
    p50,
    p99,
    max,
    seconds: result.duration,
  },
})
process.disconnect()
