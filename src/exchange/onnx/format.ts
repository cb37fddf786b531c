/** The messages of ONNX files that an export writes, by the field numbers of the public format (onnx.proto3). */
import protobuf from 'protobufjs/light.js'

/** Element types of tensors, by the numbers of TensorProto.DataType. */
export const ELEMENT = { float32: 1, int64: 7, float64: 11 } as const
export type ElementType = keyof typeof ELEMENT

export interface OnnxTensor {
  name: string
  dims: number[]
  dataType: number
  /** Little-endian, row-major. */
  rawData: Uint8Array
}

export interface OnnxAttribute {
  name: string
  /** AttributeProto.AttributeType: FLOAT 1, INT 2, INTS 7. */
  type: number
  f?: number
  i?: number
  ints?: number[]
}

export interface OnnxNode {
  name: string
  opType: string
  input: string[]
  output: string[]
  attribute: OnnxAttribute[]
}

/** An axis: a number, or a name for one that a runtime is free in. */
export type Axis = { dimValue: number } | { dimParam: string }

export interface OnnxValue {
  name: string
  docString?: string
  type: { tensorType: { elemType: number; shape: { dim: Axis[] } } }
}

export interface OnnxModel {
  irVersion: number
  opsetImport: { domain: string; version: number }[]
  producerName: string
  producerVersion: string
  docString: string
  metadataProps: { key: string; value: string }[]
  graph: {
    name: string
    node: OnnxNode[]
    initializer: OnnxTensor[]
    input: OnnxValue[]
    output: OnnxValue[]
  }
}

const field = (type: string, id: number) => ({ type, id })
const many = (type: string, id: number) => ({ rule: 'repeated', type, id })

/** Only what is written; a reader skips nothing of it, and knows the rest by its own description. */
const MESSAGES = {
  ModelProto: {
    fields: {
      irVersion: field('int64', 1),
      producerName: field('string', 2),
      producerVersion: field('string', 3),
      docString: field('string', 6),
      graph: field('GraphProto', 7),
      opsetImport: many('OperatorSetIdProto', 8),
      metadataProps: many('StringStringEntryProto', 14),
    },
  },
  OperatorSetIdProto: { fields: { domain: field('string', 1), version: field('int64', 2) } },
  StringStringEntryProto: { fields: { key: field('string', 1), value: field('string', 2) } },
  GraphProto: {
    fields: {
      node: many('NodeProto', 1),
      name: field('string', 2),
      initializer: many('TensorProto', 5),
      input: many('ValueInfoProto', 11),
      output: many('ValueInfoProto', 12),
    },
  },
  NodeProto: {
    fields: {
      input: many('string', 1),
      output: many('string', 2),
      name: field('string', 3),
      opType: field('string', 4),
      attribute: many('AttributeProto', 5),
    },
  },
  AttributeProto: {
    fields: {
      name: field('string', 1),
      f: field('float', 2),
      i: field('int64', 3),
      ints: many('int64', 8),
      type: field('int32', 20),
    },
  },
  TensorProto: {
    fields: {
      dims: many('int64', 1),
      dataType: field('int32', 2),
      name: field('string', 8),
      rawData: field('bytes', 9),
    },
  },
  ValueInfoProto: {
    fields: { name: field('string', 1), type: field('TypeProto', 2), docString: field('string', 3) },
  },
  TypeProto: { fields: { tensorType: field('TensorTypeProto', 1) } },
  TensorTypeProto: { fields: { elemType: field('int32', 1), shape: field('TensorShapeProto', 2) } },
  TensorShapeProto: { fields: { dim: many('DimensionProto', 1) } },
  DimensionProto: { fields: { dimValue: field('int64', 1), dimParam: field('string', 2) } },
}

/** The bytes of a model file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const type = protobuf.Root.fromJSON({ nested: MESSAGES }).lookupType('ModelProto')
  return type.encode(type.fromObject(model)).finish()
}
