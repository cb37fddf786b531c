/** Fields shared by layers and networks. */
import { type SpecValue, specOf, type Z } from '../spec/index.js'
import { ACTIVATIONS, hasSlope } from './activations.js'

/**
 * The shape of a row x: a number of columns, or a list of axes such as [3, 32, 32]. Rows are then given as [n, 3, 32, 32] or
 * as [n, 3072], row-major.
 */
export const shapeField = (z: Z) => z.union([z.int().positive(), z.array(z.int().positive()).min(1)])

/** Axes of one row: [d], [c, h, w]. */
export type RowShape = readonly number[]

/** The axes an `input` option stands for. */
export const axesOf = (input: number | RowShape): RowShape => (typeof input === 'number' ? [input] : input)
/** "12" for flat rows, "[3, 2, 2]" for others. */
export const shapeText = (axes: RowShape): string => (axes.length === 1 ? `${axes[0]}` : `[${axes.join(', ')}]`)
/** Numbers in a row of these axes. */
export const widthOf = (input: number | RowShape): number => axesOf(input).reduce((a, b) => a * b, 1)

/** An activation between layers. */
export interface ActivationOptions {
  /** silu, gelu, tanh, sigmoid, softplus, relu or leakyRelu. Default 'silu'. */
  activation?: (typeof ACTIVATIONS)[number] | undefined
  /** Slope of leakyRelu below 0. Default 0.01. */
  negativeSlope?: number | undefined
}

/** A multilayer perceptron. */
export interface StackOptions extends ActivationOptions {
  /** Widths of the hidden layers, first to last; [] for a linear map. */
  hidden: number[]
  /** true, or a bound c: every weight is c W / (its largest singular value). Default: none. */
  spectralNorm?: number | boolean | undefined
}

/** The network inside an energy: `hidden` and what goes with it, or `network`. */
export interface HeadOptions extends Omit<StackOptions, 'hidden'> {
  /** Widths of the hidden layers, first to last; [] for a linear map. */
  hidden?: number[] | undefined
  /** A spec of `networks.*`, in place of `hidden`; it takes its widths from the energy. */
  network?: SpecValue<'network'> | undefined
}

/** `activation` (default silu) and the slope leakyRelu takes (default 0.01). */
export const activationFields = (z: Z) => ({
  activation: z.enum(ACTIVATIONS).default('silu'),
  negativeSlope: z.number().nonnegative().optional(),
})

/**
 * Spectral normalisation (Miyato et al. 2018): the weight of a linear layer is c W / s(W), s the largest singular value, so
 * that no layer stretches a distance by more than c; `true` is c = 1. Parameters, buffers, start and gradients are those of
 * torch.nn.utils.parametrizations.spectral_norm ("0.parametrizations.weight.original", "..weight.0._u", "..weight.0._v");
 * the power iteration runs once per optimiser step, however often the step evaluates the energy.
 */
export const spectralNormField = (z: Z) => z.union([z.boolean(), z.number().positive()]).optional()

/** Widths of the hidden layers, first to last; [] makes a linear model. */
export const stackFields = (z: Z) => ({
  hidden: z.array(z.int().positive()),
  ...activationFields(z),
  spectralNorm: spectralNormField(z),
})

/**
 * The network inside an energy: `hidden`, `activation`, ... describe a multilayer perceptron, `network` is any other. The
 * network takes its input and output widths from the energy.
 */
export const headFields = (z: Z) => ({
  ...stackFields(z),
  hidden: z.array(z.int().positive()).optional(),
  network: specOf(z, 'network').optional(),
})

export type Fail = (path: string, problem: string) => never

/** A slope given for an activation that has none would be silently unused. */
export function checkActivation(options: { activation: string; negativeSlope?: number | undefined }, fail: Fail): void {
  if (options.negativeSlope !== undefined && !hasSlope(options.activation)) {
    fail('negativeSlope', `only leakyRelu has a slope, the activation is ${options.activation}`)
  }
}

type Head = {
  hidden?: number[] | undefined
  network?: SpecValue | undefined
  activation: string
  negativeSlope?: number | undefined
  spectralNorm?: boolean | number | undefined
}

/** Checks the fields above: one network, described once. */
export function checkHead(options: Head, fail: Fail): void {
  if (options.network === undefined) {
    if (options.hidden === undefined) fail('hidden', 'is required (widths of the hidden layers), or network')
    checkActivation(options, fail)
    return
  }
  if (options.hidden !== undefined) fail('hidden', 'describes a network of its own: give either hidden or network')
  const own =
    options.activation !== 'silu'
      ? 'activation'
      : (['negativeSlope', 'spectralNorm'] as const).find((key) => options[key] !== undefined)
  if (own !== undefined) fail(own, 'belongs to hidden; say it of the layers of network')
}
