/** What every layer is defined with, and the shape a list of them gives. */
import type { z as Zod } from 'zod'
import { defineSpec, type SpecInfo, type SpecValue, type Z } from '../spec/index.js'
import type { Fail, RowShape } from './fields.js'

type Fields = Zod.core.$ZodLooseShape
type Options<S extends Fields> = Zod.output<Zod.ZodObject<S, Zod.core.$strict>>

/** The shape a layer gives for rows of the shape it takes; fails where it does not take them. `path`: of the layer. */
export type Gives<O> = (options: O, takes: RowShape, path: string, fail: Fail) => RowShape

const shapes = new Map<string, Gives<never>>()

/** A layer: its options, and the shape it gives. */
export function defineLayer<const K extends string, S extends Fields>(
  kind: K,
  fields: (z: Z) => S,
  { gives, ...info }: SpecInfo<Options<S>> & { gives: Gives<Options<S>> },
) {
  shapes.set(kind, gives)
  return defineSpec('layer', kind, fields, info)
}

/**
 * Shape of a row after a list of layers that takes rows of shape `takes`. Every layer says it in its definition; the core's
 * Builder computes the shapes that count, and this is here so that a spec fails where it is written.
 */
export function shapeAfter(list: readonly SpecValue[], takes: RowShape, path: string, fail: Fail): RowShape {
  return list.reduce((shape, layer, i) => {
    const gives = shapes.get(layer.kind) as Gives<SpecValue> | undefined
    return gives?.(layer, shape, `${path}[${i}]`, fail) ?? fail(`${path}[${i}]`, `${layer.kind} does not say its shape`)
  }, takes)
}
