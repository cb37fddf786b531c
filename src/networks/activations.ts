/** The activations of layers and expressions, with torch.nn's formulas: the one list of the package. */

interface ActivationTraits {
  /** Has second derivatives: objectives on scores need it. */
  readonly smooth: boolean
  /** Takes `negativeSlope`. */
  readonly slope?: boolean
}

/** Its twin in the core is native/core/program/ops_activations.cpp; tests/networks/activations.test.ts compares them. */
export const ACTIVATION_TRAITS = {
  silu: { smooth: true },
  gelu: { smooth: true },
  tanh: { smooth: true },
  sigmoid: { smooth: true },
  softplus: { smooth: true },
  relu: { smooth: false },
  leakyRelu: { smooth: false, slope: true },
} as const satisfies Record<string, ActivationTraits>

type Traits = typeof ACTIVATION_TRAITS
export type ActivationName = keyof Traits
type SmoothName = { [Name in ActivationName]: Traits[Name]['smooth'] extends true ? Name : never }[ActivationName]

export const ACTIVATIONS = Object.keys(ACTIVATION_TRAITS) as readonly ActivationName[]
export const SMOOTH_ACTIVATIONS = ACTIVATIONS.filter((name): name is SmoothName => ACTIVATION_TRAITS[name].smooth)

const withSlope: Readonly<Record<string, ActivationTraits>> = ACTIVATION_TRAITS
/** Whether an activation takes `negativeSlope`. */
export const hasSlope = (name: string): boolean => withSlope[name]?.slope === true
