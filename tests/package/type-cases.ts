/**
 * What must compile, and what must not: `npx tsc --noEmit` reads this file, and so does types.test.ts. An `@ts-expect-error`
 * without an error under it is an error. Nothing here is called.
 */
import { expectTypeOf } from 'vitest'
import {
  Energy,
  type ErrorCode,
  energies,
  evaluateObjective,
  infer,
  inferences,
  LangevinError,
  layers,
  networks,
  noises,
  objectives,
  optimizers,
  type RunEvent,
  sample,
  samplers,
  schedules,
  type TrainResult,
  train,
} from '../../src/index.js'

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
