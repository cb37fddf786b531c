/** The OpenAPI 3.1 document of a service, made of the schemas that check its bodies. */
import { loadZod } from '../spec/index.js'
import { type Schemas, schemas } from './schemas.js'

type Json = Record<string, unknown>

const reference = (name: keyof Schemas) => ({ $ref: `#/components/schemas/${name}` })
const content = (name: keyof Schemas) => ({ 'application/json': { schema: reference(name) } })
const failure = (description: string) => ({ description, content: content('error') })
const parameter = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
})
const NAME = parameter('name', 'a model')
const VERSION = parameter('version', 'one of its versions')

function get(summary: string, answer: keyof Schemas, parameters: object[] = []): Json {
  const responses: Json = { 200: { description: 'as asked', content: content(answer) } }
  if (parameters.length > 0) responses[404] = failure('there is no such model or version')
  return { get: { summary, ...(parameters.length > 0 && { parameters }), responses } }
}

function post(summary: string, request: keyof Schemas, answer: keyof Schemas, parameters: object[] = []): Json {
  const binary = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
  const more = request === 'inferRequest' ? binary : {}
  return {
    post: {
      summary,
      ...(parameters.length > 0 && { parameters }),
      requestBody: { required: true, content: { ...content(request), ...more } },
      responses: {
        200: { description: 'as asked', content: { ...content(answer), ...more } },
        400: failure('the request makes no sense to the model; the text says where'),
        404: failure('there is no such model or version'),
        413: failure('more bytes or rows than a request may have'),
        415: failure('a content type that is not known'),
        503: {
          ...failure('too many requests wait, or the service is going down'),
          headers: { 'Retry-After': { schema: { type: 'string' }, description: 'seconds' } },
        },
      },
    },
  }
}

function load(parameters: object[]): Json {
  const responses = {
    200: { description: 'loaded', content: content('reloaded') },
    400: failure('a model that was given in memory has no file'),
    404: failure('there is no such model or version'),
    500: failure('the file could not be loaded; the model stays as it was'),
  }
  return { post: { summary: 'loads its file again', parameters, responses } }
}

const METRICS = {
  summary: 'metrics of the service',
  responses: {
    200: {
      description: 'OpenMetrics',
      content: { 'application/openmetrics-text': { schema: { type: 'string' } } },
    },
  },
}

/** What a service offers beside what all do. */
export interface Offered {
  reload: boolean
  metrics: boolean
}

/** Paths, as the routes register them. */
function paths({ reload, metrics }: Offered): Json {
  return {
    '/v2/health/live': get('whether the server lives', 'live'),
    '/v2/health/ready': get('whether all models are ready', 'live'),
    '/v2': get('name, version and extensions of the server', 'server'),
    '/v2/models/{name}': get('inputs and outputs of a model', 'model', [NAME]),
    '/v2/models/{name}/versions/{version}': get('inputs and outputs of a model', 'model', [NAME, VERSION]),
    '/v2/models/{name}/ready': get('whether a model is ready', 'modelReady', [NAME]),
    '/v2/models/{name}/versions/{version}/ready': get('whether a model is ready', 'modelReady', [NAME, VERSION]),
    '/v2/models/{name}/infer': post('scores rows', 'inferRequest', 'inferAnswer', [NAME]),
    '/v2/models/{name}/versions/{version}/infer': post('scores rows', 'inferRequest', 'inferAnswer', [NAME, VERSION]),
    '/score': post('scores rows that are JSON objects or lists', 'scoreRequest', 'scoreAnswer'),
    '/score/{name}': post('the same of one model', 'scoreRequest', 'scoreAnswer', [NAME]),
    ...(metrics && { '/metrics': { get: METRICS } }),
    ...(reload && {
      '/v2/repository/models/{name}/load': load([NAME]),
      '/v2/repository/models/{name}/versions/{version}/load': load([NAME, VERSION]),
    }),
  }
}

export function openApi(version: string, offered: Offered): Json {
  const z = loadZod()
  const components = Object.fromEntries(
    Object.entries(schemas()).map(([name, schema]) => {
      const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json
      return [name, rest]
    }),
  )
  return {
    openapi: '3.1.0',
    info: {
      title: 'langevin',
      version,
      description: 'Scores of rows: the Open Inference Protocol v2 (REST, with binary tensors) and plain JSON.',
    },
    paths: paths(offered),
    components: { schemas: components },
  }
}
