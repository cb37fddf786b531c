/** `langevin serve`: scores over HTTP, by the Open Inference Protocol v2 and as plain JSON. */
import { basename } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { LangevinError } from '../../errors.js'
import type { ModelSource } from '../../serve/models.js'
import { type ServerOptions, startServer } from '../../serve/server.js'
import { action, finite, interruption, note, oneOf, print, wholeNumber } from '../support.js'

interface ServeCommandOptions {
  name: [string, { file: string; version?: string }][]
  host: string
  port: number
  maxRows: number
  maxBody: number
  maxQueue: number
  maxBatch: number
  maxDelay: number
  threshold?: number
  fpr?: number
  threads?: number
  watch?: boolean
  reload?: boolean
  driftWindow: number
  drift: boolean
  grace: number
  logLevel: NonNullable<ServerOptions['logLevel']>
}

const EXAMPLES = `
Serves detectors (\`langevin anomaly fit\`) and models (\`langevin train\`): the Open Inference Protocol v2 under /v2, POST /score with
rows as JSON, GET /metrics, GET /openapi.json. It listens on this machine alone unless --host says otherwise, and asks nobody for a
password: put it behind something that does. SIGTERM: answers what it has, then ends. SIGHUP: loads its files again.
Needs the package fastify, and prom-client for /metrics: npm install fastify prom-client

Examples:
  npx langevin serve detector.safetensors
  npx langevin serve --name rings=rings.safetensors --name rings@2=newer.safetensors --watch --port 9000
  npx langevin serve rows.safetensors --host 0.0.0.0 --threshold 8.5 --max-batch 64`

/** `NAME=file` or `NAME@VERSION=file`. */
function named(text: string, before: ServeCommandOptions['name'] = []): ServeCommandOptions['name'] {
  const match = /^([\w.-]+)(?:@([\w.-]+))?=(.+)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('expected NAME=file or NAME@VERSION=file.')
  const [, name, version, file] = match as unknown as [string, string, string | undefined, string]
  return [...before, [name, { file, ...(version !== undefined && { version }) }]]
}

function sourcesOf(files: readonly string[], options: ServeCommandOptions): Record<string, ModelSource[]> {
  const plain = files.map((file): [string, { file: string }] => [basename(file).replace(/\.\w+$/, ''), { file }])
  // A map: a model may be called as a member of every object is, `constructor`.
  const sources = new Map<string, ModelSource[]>()
  for (const [name, source] of [...plain, ...(options.name ?? [])]) {
    sources.set(name, [...(sources.get(name) ?? []), source])
  }
  if (sources.size === 0) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'langevin serve: name a model file, or --name NAME=file')
  }
  return Object.fromEntries(sources)
}

async function run(files: string[], options: ServeCommandOptions): Promise<void> {
  const { host, port, maxRows, maxBody, maxQueue, maxBatch, maxDelay, threshold, fpr, threads, logLevel } = options
  const server = await startServer({
    models: sourcesOf(files, options),
    host,
    port,
    maxRows,
    maxBody,
    maxQueue,
    maxBatch,
    maxDelayMs: maxDelay,
    logLevel,
    watch: options.watch === true,
    reload: options.reload === true,
    drift: options.drift ? { window: options.driftWindow } : false,
    ...(threshold !== undefined && { threshold }),
    ...(fpr !== undefined && { fpr }),
    ...(threads !== undefined && { threads }),
  })
  if (server.service.metrics === undefined) note('no /metrics: prom-client is not installed (npm install prom-client)')
  // stderr holds the log's lines of JSON and nothing else.
  const { signal } = interruption(false)
  process.on('SIGHUP', () => void server.service.models.reloadFiles())
  print(server.url)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  // What has not ended by then is cut off.
  const late = setTimeout(() => process.exit(1), options.grace * 1000)
  await server.close()
  clearTimeout(late)
}

/** `langevin serve model.safetensors --port 8080` */
export default function register(parent: Command): void {
  const command = parent
    .command('serve')
    .description('serve scores over HTTP: Open Inference Protocol v2 and plain JSON')
    .argument('[files...]', 'detectors and models; each is served under the name of its file')
    .option('--name <NAME=file>', 'serve a file under a name; NAME@VERSION=file for several versions', named)
    .option('--host <address>', 'the address to listen on; 0.0.0.0 for every network', '127.0.0.1')
    .option('--port <n>', 'the port; 0 for any free one', wholeNumber(0), 8080)
    .option('--threshold <score>', 'accept rows that score at most this, unless a request says otherwise', finite)
    .option(
      '--fpr <share>',
      'accept so that this share of normal rows is refused (default: the rate in the file)',
      finite,
    )
    .option('--max-rows <n>', 'rows of a request', wholeNumber(1), 10_000)
    .option('--max-body <bytes>', 'bytes of a request', wholeNumber(1), 8 * 2 ** 20)
    .option('--max-queue <n>', 'requests that may wait for a model; more get 503', wholeNumber(1), 1024)
    .option(
      '--max-batch <n>',
      'rows that waiting requests may share a native call with (default: 1, none)',
      wholeNumber(1),
      1,
    )
    .option('--max-delay <ms>', 'how long a request waits for others', wholeNumber(0), 0)
    .option(
      '--drift-window <rows>',
      'how many of the last rows are compared with the held-out ones',
      wholeNumber(10),
      1000,
    )
    .option('--no-drift', 'do not watch the scores for drift')
    .option('--watch', 'load files again when they change')
    .option('--reload', 'offer POST /v2/repository/models/NAME/load')
    .option('--grace <seconds>', 'how long requests may take to end after SIGTERM', wholeNumber(0), 30)
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option(
      '--log-level <level>',
      'fatal, error, warn, info, debug or silent; JSON lines on stderr',
      oneOf('fatal', 'error', 'warn', 'info', 'debug', 'silent'),
      'info',
    )
  command.addHelpText('after', EXAMPLES)
  action(command, run)
}
