/** Fields shared by the optimisers. */
import { scheduleField } from '../schedules/index.js'
import type { Z } from '../spec/index.js'

/** `lr`: the learning rate, a number or a schedule over the run's steps. */
export const lrField = (z: Z) => scheduleField(z, { zero: true })

/** `betas`: decay rates of the first and second moment. */
export const betasField = (z: Z) => z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999])

export function checkLr(options: { lr: unknown }, fail: (path: string, problem: string) => never): void {
  if (options.lr === 0) fail('lr', 'must be greater than 0; a schedule may decay to 0')
}
