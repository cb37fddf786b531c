/** `langevin serve` as a process: where it listens, SIGTERM under load, SIGHUP, errors of usage; and the files for deployment. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { start, temporaryFolder } from '../helpers/cli.js'
import { ask, listed, namedRows, post, writeDetector } from './support.js'

vi.setConfig({ testTimeout: 120_000 })
const folder = temporaryFolder('serve-command')
const root = fileURLToPath(new URL('../../', import.meta.url))
beforeAll(() => writeDetector(folder, 'machines'))

/** A running server: its process, its address, and what it says. */
async function running(...args: string[]) {
  const { child, outcome } = start(folder, ['serve', ...args, '--port', '0'])
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (text) => resolve(String(text).trim()))
    outcome.then(({ stderr }) => reject(new Error(stderr)))
  })
  return { child, outcome, url }
}

describe('langevin serve', () => {
  test('listens on this machine alone, and at SIGTERM answers what it has and ends with 0', async () => {
    const { child, outcome, url } = await running('machines.safetensors', '--max-batch', '16', '--grace', '60')
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const rows = listed(namedRows(20, 4))
    const wanted = (await post(`${url}/score`, rows)).body
    let stopping = false
    let answered = 0
    const client = async () => {
      for (;;) {
        let found: Awaited<ReturnType<typeof post>>
        try {
          found = await post(`${url}/score`, rows)
        } catch (error) {
          // Refused connections only, and only after the signal.
          expect(stopping, String((error as Error).cause)).toBe(true)
          return
        }
        if (found.status === 503) {
          expect(stopping).toBe(true)
          expect(found.body.error).toBeTypeOf('string')
          return
        }
        expect([found.status, found.body]).toEqual([200, wanted])
        answered++
      }
    }
    const clients = Promise.all(Array.from({ length: 8 }, client))
    await vi.waitFor(() => expect(answered).toBeGreaterThan(20), { timeout: 30_000, interval: 5 })
    stopping = true
    child.kill('SIGTERM')
    await clients
    const { status, stderr } = await outcome
    expect(status, stderr).toBe(0)
    for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level')
  })

  test('serves several models and versions, and loads files again at SIGHUP', async () => {
    await writeDetector(folder, 'newer', 2)
    const names = [
      '--name',
      'constructor=newer.safetensors',
      '--name',
      'm=machines.safetensors',
      '--name',
      'm@2=newer.safetensors',
    ]
    const { child, outcome, url } = await running(...names, '--fpr', '0.1', '--max-rows', '7', '--log-level', 'warn')
    expect((await ask(`${url}/v2/models/m`)).body.versions).toEqual(['1', '2'])
    expect((await ask(`${url}/v2/models/constructor`)).body.versions).toEqual(['1'])
    const [row] = listed(namedRows(1, 5))
    const of = async (version: string) => (await post(`${url}/score/m`, { rows: [row], version })).body.rows[0].score
    const [one, two] = [await of('1'), await of('2')]
    expect(one).not.toBe(two)
    expect((await post(`${url}/score/m`, Array(8).fill(row))).status).toBe(413)
    await writeDetector(folder, 'machines', 2)
    child.kill('SIGHUP')
    await vi.waitFor(async () => expect(await of('1')).toBe(two), { timeout: 30_000, interval: 50 })
    child.kill('SIGINT')
    expect((await outcome).status).toBe(0)
  })

  test('says what is wrong', async () => {
    const said = async (...args: string[]) => {
      const { status, stderr } = await start(folder, ['serve', ...args]).outcome
      return `${status} ${stderr}`
    }
    expect(await said()).toMatch(/^1 ERR_LANGEVIN_INVALID_OPTION: langevin serve: name a model file/)
    expect(await said('none.safetensors')).toMatch(/^1 .*ERR_LANGEVIN_IO/s)
    expect(await said('--name', 'nothing')).toMatch(/^2 .*expected NAME=file/s)
    expect(await said('machines.safetensors', '--fpr', '1e-9')).toMatch(/^1 .*needs at least/s)
    expect(await said('machines.safetensors', '--host', '203.0.113.1')).toMatch(/^1 .*EADDRNOTAVAIL/s)
  })
})

describe('files for deployment', () => {
  const read = (name: string) => readFileSync(join(root, 'examples/deploy', name), 'utf8')

  test('the Dockerfile is well formed, slim, unprivileged, and starts the command', () => {
    const text = read('Dockerfile')
    expect(validate(text).map(({ message }) => message)).toEqual([])
    expect(validate('FROM a\nRUNN b\n').length).toBeGreaterThan(0)
    const stages = text.match(/^FROM .*$/gm)!
    for (const stage of stages) expect(stage).toMatch(/^FROM node:22-slim( AS \w+)?$/)
    expect(text).toMatch(/^USER node$/m)
    // What set-up made in the first stage is found in the last: one cache in every stage, below the folder that is copied.
    const [, ...bodies] = text.split(/^FROM .*$/m)
    const caches = bodies.map((body) => /^ENV LANGEVIN_CACHE=(\S+)$/m.exec(body)?.[1])
    const [, from, to] = /^COPY --from=build --chown=node:node (\S+) (\S+)$/m.exec(text)!
    expect(new Set(caches).size).toBe(1)
    expect(caches[0]).toMatch(new RegExp(`^${from}/.`))
    expect([from, to]).toEqual(['/app', './'])
    for (const body of bodies) expect(body).toMatch(/^WORKDIR \/app$/m)
    expect(bodies[0]).toMatch(/^ENV LANGEVIN_CACHE[\s\S]*^RUN .*npx langevin setup$/m)
    const command = JSON.parse(/^CMD (\[.*\])$/m.exec(text)![1]!) as string[]
    expect(command.slice(0, 3)).toEqual(['node', 'node_modules/langevin/dist/cli/main.js', 'serve'])
    const known = readFileSync(join(root, 'src/cli/commands/serve.ts'), 'utf8')
    for (const option of command.filter((word) => word.startsWith('--'))) expect(known).toContain(`'${option}`)
  })

  test('the Kubernetes manifest has probes on routes that exist, limits, and a grace that fits', () => {
    const [deployment, service] = parseAllDocuments(read('kubernetes.yaml')).map((document) => {
      expect(document.errors).toEqual([])
      return document.toJS()
    })
    const port = z.union([z.number().int(), z.string()])
    const probe = z.object({
      httpGet: z.strictObject({ path: z.string(), port }),
      periodSeconds: z.number().int().positive().optional(),
      failureThreshold: z.number().int().positive().optional(),
      timeoutSeconds: z.number().int().positive().optional(),
    })
    const container = z.object({
      name: z.string(),
      image: z.string(),
      ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
      startupProbe: probe,
      readinessProbe: probe,
      livenessProbe: probe,
      resources: z.object({ requests: z.record(z.string(), z.unknown()), limits: z.record(z.string(), z.unknown()) }),
    })
    const shape = z.object({
      apiVersion: z.literal('apps/v1'),
      kind: z.literal('Deployment'),
      metadata: z.object({ name: z.string() }),
      spec: z.object({
        selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
        template: z.object({
          metadata: z.object({ labels: z.record(z.string(), z.string()) }),
          spec: z.object({ terminationGracePeriodSeconds: z.number(), containers: z.array(container).length(1) }),
        }),
      }),
    })
    const { spec } = shape.parse(deployment)
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels)
    const [served] = spec.template.spec.containers
    expect(served!.livenessProbe.httpGet.path).toBe('/v2/health/live')
    expect(served!.readinessProbe.httpGet.path).toBe('/v2/health/ready')
    for (const each of [served!.startupProbe, served!.livenessProbe, served!.readinessProbe]) {
      expect(served!.ports.map(({ name }) => name)).toContain(each.httpGet.port)
    }
    // The command gives requests 30 s; Kubernetes must not cut that short.
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(30)
    expect(service.kind).toBe('Service')
    expect(service.spec.selector).toEqual(spec.selector.matchLabels)
  })
})
