/** A detector and an energy in files, and servers on a free port, for the tests of serving. */
import { join } from 'node:path'
import * as data from '../../src/data/index.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import * as ood from '../../src/ood/index.js'
import { type RunningServer, type ServerOptions, startServer } from '../../src/serve/server.js'
import { normals } from '../helpers/random.js'

/** Rows of two named columns of unlike units. */
export function namedRows(n: number, seed: number, shift = 0): { size: number; speed: number }[] {
  const next = normals(seed)
  return Array.from({ length: n }, () => ({ size: 1000 + 50 * (next() + shift), speed: 0.01 * next() }))
}
export const listed = (rows: readonly { size: number; speed: number }[]) => rows.map(({ size, speed }) => [size, speed])

/** A nearest-neighbour detector of these columns, with a rate of 5 %. `seed`: another one of the same columns. */
export async function writeDetector(folder: string, name: string, seed = 1): Promise<string> {
  const path = join(folder, `${name}.safetensors`)
  const options = { heldOut: 0.5, fpr: 0.05, standardize: true, seed }
  await using fitted = await ood.fit(ood.detectors.knn(), data.fromRows(namedRows(400, seed)), options)
  await fitted.save(path)
  return path
}

/** A small network of three columns without names. */
export async function writeEnergy(folder: string, name: string): Promise<string> {
  const path = join(folder, `${name}.safetensors`)
  await using model = await Energy.create(energies.mlp({ input: 3, hidden: [16], gaussianBase: 2 }), { seed: 5 })
  await model.save(path)
  return path
}

export const serve = (options: ServerOptions): Promise<RunningServer> =>
  startServer({ port: 0, logLevel: 'silent', ...options })

export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says is looked at
  body: any
}

export async function ask(url: string, init?: RequestInit): Promise<Answered> {
  const response = await fetch(url, init)
  const text = await response.text()
  const json = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
}

export const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answered> =>
  ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
