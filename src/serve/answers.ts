/** Requests of the Open Inference Protocol and of /score, from decoded bodies to bodies of answers. */
import { fromRows } from '../data/objects.js'
import { numberNames } from '../ood/explain.js'
import type { OodRows } from '../ood/index.js'
import { HEADER_LENGTH, splitBody } from './body.js'
import { HttpError } from './http-error.js'
import { type Asked, evaluateRows, outputNamed, outputsOf, rowsOf } from './infer.js'
import type { ServedModel } from './models.js'
import { type InferRequest, type OutputName, parsed } from './schemas.js'
import type { ScorerCallOptions } from './scorer.js'
import type { Service } from './service.js'
import { decodeInputs, encodeOutput } from './tensors.js'

export interface Answer {
  headers: Record<string, string>
  body: object | Buffer
}

/** Counts an inference as MLServer does, whatever came of it. */
async function counted<T>(
  service: Service,
  model: ServedModel,
  work: () => Promise<{ value: T; rows: number; refused: number }>,
): Promise<T> {
  try {
    const { value, rows, refused } = await model.use(work)
    service.metrics?.inference(model, true, rows, refused)
    return value
  } catch (error) {
    service.metrics?.inference(model, false, 0, 0)
    throw error
  }
}

/** As `Scorer.requireRoom`; a refusal counts as a failed inference of the model. */
function requireRoom(service: Service, name: string, call: ScorerCallOptions): void {
  // Several versions of a name have queues of their own: the body says which.
  if (service.models.versionsOf(name).length !== 1) return
  const model = service.models.find(name)
  try {
    model.scorer.requireRoom(call)
  } catch (error) {
    service.metrics?.inference(model, false, 0, 0)
    throw error
  }
}

function requireRows(count: number, { maxRows }: Service): void {
  if (count > maxRows) throw new HttpError(413, `${count} rows are more than the ${maxRows} a request may have`)
}

type Parameters = InferRequest['parameters']

function numberParameter(parameters: Parameters, name: 'threshold' | 'fpr'): number | undefined {
  const value = parameters?.[name]
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value as number | undefined
  throw new HttpError(400, `parameters.${name} must be a number`)
}

/** The outputs of a request in their order, and which of them are sent as bytes. */
function wantedOutputs(
  model: ServedModel,
  { outputs, parameters }: InferRequest,
): { names: OutputName[]; binary: Set<string> } {
  const all = parameters?.binary_data_output === true
  const decides = numberParameter(parameters, 'threshold') ?? numberParameter(parameters, 'fpr')
  const names: OutputName[] =
    outputs === undefined || outputs.length === 0
      ? [...model.outputs, ...(decides !== undefined && !model.outputs.includes('accept') ? ['accept' as const] : [])]
      : outputs.map(({ name }) => outputNamed(model, name))
  if (parameters?.contributions === true && !names.includes('contributions')) names.push('contributions')
  if (new Set(names).size !== names.length) throw new HttpError(400, 'outputs: one is named twice')
  const chosen = (name: string) => outputs?.find((each) => each.name === name)?.parameters?.binary_data ?? all
  return { names, binary: new Set(names.filter((name) => chosen(name) === true)) }
}

/** POST .../infer. @throws (rejects) HttpError, LangevinError */
export async function inferAnswer(
  service: Service,
  model: ServedModel,
  bytes: Uint8Array | undefined,
  headerLength: string | string[] | undefined,
  call: ScorerCallOptions,
): Promise<Answer> {
  return counted(service, model, async () => {
    model.scorer.requireRoom(call)
    const { json, binary } = splitBody(bytes, headerLength)
    const request = parsed('inferRequest', json)
    const { names, binary: asBytes } = wantedOutputs(model, request)
    // An input holds at most the rows that are allowed, of the width of the model.
    for (const { shape } of request.inputs) requireRows(shape[0]!, service)
    const inputs = decodeInputs(request.inputs, binary, service.maxRows * Math.max(1, model.width))
    const { rows, count, dispose } = rowsOf(model, inputs)
    try {
      const { parameters, id } = request
      const asked: Asked = {
        outputs: new Set(names),
        threshold: numberParameter(parameters, 'threshold'),
        fpr: numberParameter(parameters, 'fpr'),
      }
      const found = await evaluateRows(model, rows, count, asked, call)
      const encoded = outputsOf(found, names).map((output) => encodeOutput(output, asBytes.has(output.name)))
      const head = { model_name: model.name, model_version: model.version, ...(id !== undefined && { id }) }
      const value = assembled({ ...head, outputs: encoded.map((each) => each.json) }, encoded)
      return { value, rows: count, refused: found.accept?.filter((yes) => !yes).length ?? 0 }
    } finally {
      dispose()
    }
  })
}

function assembled(body: object, parts: readonly { bytes?: Buffer }[]): Answer {
  const raw = parts.flatMap(({ bytes }) => bytes ?? [])
  if (raw.length === 0) return { headers: { 'content-type': 'application/json; charset=utf-8' }, body }
  const json = Buffer.from(JSON.stringify(body))
  return {
    headers: { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(json.length) },
    body: Buffer.concat([json, ...raw]),
  }
}

interface PlainRows {
  rows: readonly unknown[]
  model?: string | undefined
  version?: string | undefined
  threshold?: number | undefined
  fpr?: number | undefined
  contributions?: boolean | undefined
}

function plainRows(rows: readonly unknown[]): { rows: OodRows; dispose(): void } {
  const objects = rows.filter((row) => !Array.isArray(row)).length
  if (objects === 0) return { rows: rows as number[][], dispose: () => undefined }
  if (objects < rows.length) throw new HttpError(400, 'rows: some are lists and some are objects; give one kind')
  const dataset = fromRows(rows as Record<string, unknown>[], { label: null })
  return { rows: dataset, dispose: () => dataset.dispose() }
}

/** POST /score. @throws (rejects) HttpError, LangevinError */
export async function scoreAnswer(
  service: Service,
  name: string | undefined,
  bytes: Uint8Array | undefined,
  call: ScorerCallOptions,
): Promise<Answer> {
  // Where the body is not needed to know the model.
  const only = name ?? (service.models.names.length === 1 ? service.models.names[0] : undefined)
  if (only !== undefined) requireRoom(service, only, call)
  const request = parsed('scoreRequest', splitBody(bytes, undefined).json)
  const given: PlainRows = Array.isArray(request) ? { rows: request } : request
  if (name !== undefined && given.model !== undefined && given.model !== name) {
    throw new HttpError(400, `the path names model '${name}', the body '${given.model.slice(0, 64)}'`)
  }
  const model = service.models.find(name ?? given.model, given.version)
  return counted(service, model, async () => {
    requireRows(given.rows.length, service)
    const decides = given.threshold !== undefined || given.fpr !== undefined
    const outputs = new Set<OutputName>([
      ...model.outputs,
      ...(decides ? ['accept' as const] : []),
      ...(given.contributions === true ? ['contributions' as const] : []),
    ])
    const { rows, dispose } = plainRows(given.rows)
    try {
      const found = await evaluateRows(model, rows, given.rows.length, { ...given, outputs }, call)
      const { threshold, contributions, score } = found
      const names = contributions && columnNames(model, contributions.columns)
      const list = Array.from(score, (value, k) => ({
        score: value,
        ...(found.energy && { energy: found.energy[k] }),
        ...(found.percentile && { percentile: found.percentile[k], pValue: model.detector.pValue(value) }),
        ...(found.accept && { accept: found.accept[k] }),
        ...(contributions && {
          contributions: Object.fromEntries(
            names!.map((each, j) => [each, contributions.values[k * names!.length + j]]),
          ),
        }),
      }))
      const head = { model: model.name, version: model.version }
      const body = { ...head, ...(Number.isFinite(threshold) && { threshold }), rows: list }
      const value = assembled(body, [])
      return { value, rows: score.length, refused: found.accept?.filter((yes) => !yes).length ?? 0 }
    } finally {
      dispose()
    }
  })
}

const columnNames = (model: ServedModel, count: number): readonly string[] =>
  numberNames(model.detector.live().inputs, count)

/** GET /v2/models/NAME */
export function modelMetadata(service: Service, model: ServedModel): object {
  const shape = { energy: [-1], score: [-1], percentile: [-1], accept: [-1] }
  return {
    name: model.name,
    versions: service.models.versionsOf(model.name),
    platform: 'langevin_safetensors',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, model.width] }],
    outputs: model.outputs.map((name) => ({
      name,
      datatype: name === 'accept' ? 'BOOL' : 'FP64',
      shape: shape[name as keyof typeof shape],
    })),
  }
}
