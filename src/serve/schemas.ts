/** Bodies of requests and answers: the zod schemas that check them and that the OpenAPI document is made of. */
import type { z as Zod } from 'zod'
import { loadZod, safely, type Z } from '../spec/index.js'
import { HttpError } from './http-error.js'

/** Element types of the protocol that hold numbers, with their bytes in the binary extension. */
export const DATATYPES = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
} as const
export type Datatype = keyof typeof DATATYPES

export const OUTPUTS = ['energy', 'score', 'percentile', 'accept', 'contributions'] as const
export type OutputName = (typeof OUTPUTS)[number]

function build(z: Z) {
  const parameters = z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .describe('threshold: refuse scores above it; fpr: the same by a false-alarm rate; contributions: give them too')
  const shape = z.array(z.number().int().min(0)).min(1).max(8)
  const data = z.array(z.unknown()).describe('numbers, flat in row-major order or nested as the shape says')
  const input = z.object({
    name: z.string(),
    shape,
    datatype: z.string().describe(`one of ${Object.keys(DATATYPES).join(', ')}`),
    parameters: parameters.optional(),
    data: data.optional().describe('left out where parameters.binary_data_size says that it follows the JSON'),
  })
  const wanted = z.object({ name: z.string(), parameters: parameters.optional() })
  const inferRequest = z.object({
    id: z.string().optional(),
    parameters: parameters.optional(),
    inputs: z.array(input).min(1),
    outputs: z.array(wanted).optional(),
  })
  const output = z.object({
    name: z.string(),
    shape,
    datatype: z.string(),
    parameters: parameters.optional(),
    data: data.optional(),
  })
  const tensor = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number().int()) })
  const row = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())])
  const options = {
    model: z.string().optional().describe('which model; may be left out where there is one'),
    version: z.string().optional(),
    threshold: z.number().optional().describe('accept scores up to this'),
    fpr: z.number().gt(0).lt(1).optional().describe('accept so that this share of normal rows is refused'),
    contributions: z.boolean().optional().describe('what each column adds to the score'),
  }
  return {
    inferRequest,
    inferAnswer: z.object({
      model_name: z.string(),
      model_version: z.string().optional(),
      id: z.string().optional(),
      parameters: parameters.optional(),
      outputs: z.array(output),
    }),
    scoreRequest: z.union([z.array(row).min(1), z.strictObject({ rows: z.array(row).min(1), ...options })]),
    scoreAnswer: z.object({
      model: z.string(),
      version: z.string(),
      threshold: z.number().optional(),
      rows: z.array(
        z.object({
          score: z.number(),
          energy: z.number().optional(),
          percentile: z
            .number()
            .optional()
            .describe('share of held-out normal rows that score at most this, in percent'),
          pValue: z.number().optional().describe('conformal p-value; small: unlike the data'),
          accept: z.boolean().optional(),
          contributions: z.record(z.string(), z.number()).optional(),
        }),
      ),
    }),
    live: z.object({ live: z.boolean() }),
    modelReady: z.object({ name: z.string(), ready: z.boolean() }),
    server: z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
    model: z.object({
      name: z.string(),
      versions: z.array(z.string()).optional(),
      platform: z.string(),
      inputs: z.array(tensor),
      outputs: z.array(tensor),
    }),
    reloaded: z.object({ name: z.string(), version: z.string(), loads: z.number().int() }),
    error: z.object({ error: z.string() }),
  }
}

export type Schemas = ReturnType<typeof build>
export type InferRequest = Zod.infer<Schemas['inferRequest']>
export type InferInput = InferRequest['inputs'][number]
export type ScoreRequest = Zod.infer<Schemas['scoreRequest']>

let built: Schemas | undefined

export function schemas(): Schemas {
  built ??= build(loadZod())
  return built
}

/** The body itself, when it is as its schema has it: nothing is copied, renamed or left out. @throws HttpError 400 naming the path */
export function parsed<K extends keyof Schemas>(kind: K, body: unknown): Zod.infer<Schemas[K]> {
  const result = safely(() => schemas()[kind].safeParse(body))
  if (result === undefined)
    throw new HttpError(400, 'body: an object in it has a member, such as length, that cannot be read')
  if (result.success) return body as Zod.infer<Schemas[K]>
  const [issue] = result.error.issues
  // Of a union at the top the errors of its last form, the object, say most; inside, where it is.
  const whole = issue?.code === 'invalid_union' && issue.path.length === 0 && !Array.isArray(body)
  const deep = whole ? (issue.errors.at(-1)?.[0] ?? issue) : issue
  const path = deep?.path.map(String).join('.') ?? ''
  throw new HttpError(400, `body${path === '' ? '' : `.${path}`}: ${deep?.message ?? 'is not as the API has it'}`)
}
