/**
 * What must compile, and what must not: `npx tsc --noEmit` reads this file, and so does types.test.ts. An `@ts-expect-error`
 * without an error under it is an error. Nothing here is called.
 */
import { expectTypeOf } from 'vitest'
import {
  data,
  detectors,
  Energy,
  type ErrorCode,
  energies,
  evaluateObjective,
  type FittedDetector,
  infer,
  inferences,
  LangevinError,
  layers,
  type NestedArray,
  Network,
  networks,
  noises,
  objectives,
  ood,
  optimizers,
  perturbations,
  type RunEvent,
  sample,
  samplers,
  schedules,
  type Tensor,
  type TrainResult,
  tensor,
  train,
} from '../../src/index.js'
import { defineSpec, type SpecValue } from '../../src/spec/index.js'

export async function refused(model: Energy, x: number[][]): Promise<void> {
  const energy = energies.mlp({ input: 2, hidden: [4] })
  const objective = objectives.denoisingScoreMatching({ sigma: 1 })
  const sampler = samplers.langevin({ steps: 1, stepSize: 0.1 })
  train(model, x, { objective, steps: 1, optimizer: optimizers.sgd({ lr: schedules.linear({ from: 1, to: 0 }) }) })
  train(model, x, { objective: { kind: 'denoisingScoreMatching', sigma: 1 }, steps: 1 })
  // @ts-expect-error an energy is no objective
  train(model, x, { objective: energy, steps: 1 })
  // @ts-expect-error a sampler is no objective
  await evaluateObjective(model, x, { objective: sampler })
  // @ts-expect-error an objective is no optimiser
  train(model, x, { objective, steps: 1, optimizer: objective })
  // @ts-expect-error an objective is no sampler
  sample(model, { sampler: objective, chains: 1 })
  // @ts-expect-error a noise is no inference
  await infer(model, x, { method: noises.gaussian({ sd: 1 }) })
  await infer(model, x, { method: inferences.gradientDescent({ steps: 1, stepSize: 0.1 } as never) })
  await Energy.create(energy)
  // @ts-expect-error a network is no energy
  await Energy.create(networks.mlp({ input: 2, hidden: [4], output: 1 }))
  // @ts-expect-error an energy is no layer
  energies.sequential({ input: 2, layers: [energy] })
  energies.sequential({ input: 2, layers: [layers.linear({ out: 1 })] })
}

export async function events(model: Energy, x: number[][]): Promise<void> {
  const run = train(model, x, { objective: objectives.denoisingScoreMatching({ sigma: 1 }), steps: 1 })
  for await (const event of run) {
    if (event.type === 'progress') {
      expectTypeOf(event.secondsLeft).toEqualTypeOf<number>()
      expectTypeOf(event.gap).toEqualTypeOf<number | undefined>()
      // @ts-expect-error no monitor has this name
      event.gapp
    } else if (event.type === 'end') {
      // @ts-expect-error there is an error only where the run has not ended well
      event.error
      if (event.state !== 'done') expectTypeOf(event.error).toEqualTypeOf<unknown>()
    } else if (event.type === 'warning') {
      expectTypeOf(event.severity).toEqualTypeOf<'error' | 'warning'>()
    }
    // @ts-expect-error no event has this field
    event.thisDoesNotExist
  }
  expectTypeOf(await run.done).toEqualTypeOf<TrainResult>()
  expectTypeOf<RunEvent['type']>().toEqualTypeOf<'progress' | 'epoch' | 'checkpoint' | 'warning' | 'end'>()
}

export function codes(error: unknown): string | undefined {
  if (!LangevinError.is(error)) return undefined
  expectTypeOf(error.code).toEqualTypeOf<ErrorCode>()
  // @ts-expect-error no error has this code
  if (error.code === 'ERR_LANGEVIN_TYPO') return error.message
  return error.code === 'ERR_LANGEVIN_SHAPE' ? 'shape' : undefined
}

/** Every family beside every other: a spec of one goes nowhere but where that family is wanted. */
export function families(): void {
  const energy = energies.gaussian({ mean: [0], precision: 1 })
  const network = networks.mlp({ input: 2, hidden: [4], output: 1 })
  const layer = layers.linear({ out: 1 })
  const sampler = samplers.gibbs({ steps: 1 })
  const objective = objectives.crossEntropy()
  const optimizer = optimizers.adam()
  const noise = noises.gaussian()
  const perturbation = perturbations.neighbourhood()
  const inference = inferences.exhaustive()
  const schedule = schedules.constant({ value: 1 })
  const detector = detectors.knn()
  type All = {
    energy: typeof energy
    network: typeof network
    layer: typeof layer
    sampler: typeof sampler
    objective: typeof objective
    optimizer: typeof optimizer
    noise: typeof noise
    perturbation: typeof perturbation
    inference: typeof inference
    schedule: typeof schedule
    detector: typeof detector
  }
  /** The families that take a spec of A: its own alone. */
  type Taken = { [A in keyof All]: { [B in keyof All]: All[A] extends SpecValue<B> ? B : never }[keyof All] }
  expectTypeOf<Taken>().toEqualTypeOf<{ [A in keyof All]: A }>()
}

export async function brands(model: Energy): Promise<void> {
  await Network.create(networks.mlp({ input: 2, hidden: [4], output: 1 }))
  await Network.create({ kind: 'mlp', input: 2, hidden: [4], output: 1 })
  // @ts-expect-error an energy is no network
  await Network.create(energies.mlp({ input: 2, hidden: [4] }))
  // @ts-expect-error an objective is no network
  energies.classifier({ input: 2, classes: 2, network: objectives.crossEntropy() })
  // @ts-expect-error an optimiser is no schedule
  samplers.langevin({ steps: 1, stepSize: optimizers.adam() })
  // @ts-expect-error a schedule is no noise
  objectives.noiseContrastive({ noise: schedules.constant({ value: 1 }) })
  // @ts-expect-error a noise is no perturbation
  objectives.energyDiscrepancy({ perturbation: noises.gaussian() })
  // @ts-expect-error an energy is no sampler
  objectives.contrastiveDivergence({ sampler: energies.funnel() })
  // @ts-expect-error a sampler is no detector
  await ood.fit(samplers.gibbs({ steps: 1 }), [[1]])
  expectTypeOf(await ood.fit(detectors.energy(model), [[1]])).toEqualTypeOf<FittedDetector>()
  // @ts-expect-error a misspelt option
  energies.mlp({ input: 2, hiden: [4], hidden: [4] })
  // @ts-expect-error an option of another value
  samplers.hmc({ steps: 1, stepSize: 0.1, metric: 'full' })
}

/** The options that an editor shows are those of the schemas: each way in which they could drift apart. */
export function drift(): void {
  const defined = defineSpec('testDrift', 'test', (z) => ({ a: z.number(), b: z.string().default('') }), {
    summary: '',
  })
  expectTypeOf(defined.options<{ a: number; b?: string | undefined }>()({ a: 1 }).b).toEqualTypeOf<string>()
  // @ts-expect-error an option is missing
  defined.options<{ a: number }>()
  // @ts-expect-error there is one too many
  defined.options<{ a: number; b?: string | undefined; c?: number }>()
  // @ts-expect-error one has another type
  defined.options<{ a: number | string; b?: string | undefined }>()
  // @ts-expect-error one is required here and not there
  defined.options<{ a: number; b: string }>()
  expectTypeOf<Parameters<typeof energies.ising>[0] & {}>().toExtend<energies.IsingOptions>()
  expectTypeOf<samplers.LangevinOptions['form']>().toEqualTypeOf<'proper' | 'heuristic' | undefined>()
}

export async function tensors(anything: unknown): Promise<void> {
  expectTypeOf(tensor([1, 2])).toEqualTypeOf<Tensor<'float32', 1>>()
  expectTypeOf(tensor([[1], [2]])).toEqualTypeOf<Tensor<'float32', 2>>()
  expectTypeOf(tensor(1)).toEqualTypeOf<Tensor<'float32', 0>>()
  expectTypeOf(tensor([[true]])).toEqualTypeOf<Tensor<'bool', 2>>()
  expectTypeOf(tensor([1n])).toEqualTypeOf<Tensor<'int64', 1>>()
  expectTypeOf(tensor(new Float64Array(4))).toEqualTypeOf<Tensor<'float64', 1>>()
  expectTypeOf(tensor(new Int16Array(4))).toEqualTypeOf<Tensor<'int64', 1>>()
  expectTypeOf(tensor(new Uint8Array(4), [2, 2])).toEqualTypeOf<Tensor<'uint8', 2>>()
  expectTypeOf(tensor([1, 2, 3, 4], [1, 2, 2], 'float64')).toEqualTypeOf<Tensor<'float64', 3>>()
  expectTypeOf(tensor([1], undefined, 'int64')).toEqualTypeOf<Tensor<'int64', 1>>()
  expectTypeOf(tensor(anything as NestedArray)).toEqualTypeOf<Tensor>()

  const t = tensor([[1, 2]])
  expectTypeOf(t.shape).toEqualTypeOf<readonly [number, number]>()
  expectTypeOf(t.dtype).toEqualTypeOf<'float32'>()
  expectTypeOf(t.toArray()).toEqualTypeOf<number[][]>()
  expectTypeOf(t.toTypedArray()).toEqualTypeOf<Float32Array>()
  expectTypeOf(t.to('float64')).toEqualTypeOf<Tensor<'float64', 2>>()
  expectTypeOf(t.to('int64').toTypedArray()).toEqualTypeOf<BigInt64Array>()
  expectTypeOf(t.to('cuda:0')).toEqualTypeOf<Tensor<'float32', 2>>()
  expectTypeOf(t.reshape([2]).toArray()).toEqualTypeOf<number[]>()
  expectTypeOf(t.slice(0, 1)).toEqualTypeOf<typeof t>()
  expectTypeOf(t.to('bool').toArray()).toEqualTypeOf<boolean[][]>()
  const any: Tensor = t
  expectTypeOf(any.toArray()).toEqualTypeOf<NestedArray>()
  // @ts-expect-error of any tensor nobody knows that it has two axes
  const two: Tensor<'float32', 2> = any
  // @ts-expect-error no dtype and no device
  tensor([1], [1], 'float16')
  return void two
}

export async function computed(model: Energy): Promise<void> {
  const flat = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
  const images = await Energy.create(energies.mlp({ input: [3, 8, 8], hidden: [4] }))
  const plain = await Energy.create({ kind: 'funnel', input: 2 })
  expectTypeOf(await Energy.create(energies.funnel())).toEqualTypeOf<Energy<2>>()
  expectTypeOf(flat).toEqualTypeOf<Energy<2>>()
  expectTypeOf(images).toEqualTypeOf<Energy<number>>()
  expectTypeOf((await flat.energy([[1, 2]])).toArray()).toEqualTypeOf<number[]>()
  expectTypeOf(flat.energySync([[1, 2]]).shape).toEqualTypeOf<readonly [number]>()
  expectTypeOf((await flat.score([[1, 2]])).toArray()).toEqualTypeOf<number[][]>()
  expectTypeOf((await flat.score(data.toys.moons({ n: 4 }))).toArray()).toEqualTypeOf<number[][]>()
  expectTypeOf((await images.score([[[[1]]]])).shape).toEqualTypeOf<readonly [number, number, number, number]>()
  expectTypeOf((await model.logits([[1, 2]])).toArray()).toEqualTypeOf<number[][]>()
  const sampler = samplers.langevin({ steps: 1, stepSize: 0.1 })
  const draws = await sample(flat, { sampler, chains: 2 }).done
  expectTypeOf(draws.samples.toArray()).toEqualTypeOf<number[][]>()
  expectTypeOf(draws.energy.toArray()).toEqualTypeOf<number[]>()
  expectTypeOf(draws.trajectory!.toArray()).toEqualTypeOf<number[][][]>()
  expectTypeOf(draws.moments!.mean.toTypedArray()).toEqualTypeOf<Float64Array>()
  expectTypeOf(draws.moments!.mean.toArray()).toEqualTypeOf<number[]>()
  expectTypeOf((await sample(images, { sampler, chains: 2 }).done).samples.toArray()).toEqualTypeOf<NestedArray>()
  expectTypeOf((await sample(model, { sampler, chains: 2 }).done).samples.toArray()).toEqualTypeOf<NestedArray>()
  return void plain
}
