/** One AbortSignal for many calls; and objects that cannot leave their thread. */
import { expect, test } from 'vitest'
import { data, Energy, energies, LangevinError, Network, networks, sample, samplers, tensor } from '../../src/index.js'
import { rejection } from '../helpers/errors.js'

test('any number of calls on one signal print no warning, and all of them are aborted', async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  // A call of one row may have its answer before the signal; half a second of work may not.
  await using model = await Energy.create(energies.mlp({ input: 2, hidden: [256, 256] }))
  const x = tensor(new Float32Array(200_000), [100_000, 2])
  const controller = new AbortController()
  const { signal } = controller
  const options = { sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }), chains: 2, threads: 1, signal }
  const runs = Array.from({ length: 15 }, () => sample(model, options))
  const calls = Array.from({ length: 15 }, () => model.energy(x, { signal }))
  const reason = new Error('enough')
  controller.abort(reason)
  const ends = await Promise.allSettled([...runs.map((run) => run.done), ...calls])
  const aborted = ends.map((end) => end.status === 'rejected' && end.reason === reason)
  expect(aborted).toEqual(Array(30).fill(true))
  expect(runs.every((run) => run.state === 'aborted')).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.off('warning', note)
  expect(warnings).toEqual([])
})

test('a signal serves later calls after earlier ones have ended', async () => {
  await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
  const controller = new AbortController()
  const { signal } = controller
  await model.energy([[1, 2]], { signal })
  await model.energy([[1, 2]], { signal })
  const run = sample(model, { sampler: samplers.langevin({ steps: 1e9, stepSize: 0.01 }), chains: 2, signal })
  controller.abort()
  expect((await run.done.catch((error) => error)).name).toBe('AbortError')
})

test('what is no signal is refused by name', async () => {
  await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
  for (const signal of [new AbortController(), {}, 5, null]) {
    const error = await rejection(() => model.energy([[1, 2]], { signal: signal as never }))
    expect([error.code, error.message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringContaining('signal: expected an AbortSignal'),
    ])
    const options = { sampler: samplers.langevin({ steps: 1, stepSize: 0.01 }), chains: 2 }
    const refused = await rejection(() => sample(model, { ...options, signal: signal as never }).done)
    expect(refused.message).toContain('signal: expected an AbortSignal')
  }
})

test('a tensor, an energy, a network, a run, a data set cannot be cloned or sent to another thread', async () => {
  await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
  await using network = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 1 }))
  const run = sample(model, { sampler: samplers.langevin({ steps: 1, stepSize: 0.01 }), chains: 2 })
  const { port1, port2 } = new MessageChannel()
  const x = tensor([1, 2])
  const set = data.fromArrays({ x: [1, 2] })
  for (const value of [x, model, network, run, set, data.rows([[1]]), { nested: [x] }]) {
    expect(() => structuredClone(value)).toThrow(expect.objectContaining({ name: 'DataCloneError' }))
    expect(() => port1.postMessage(value)).toThrow(/lives in native memory.*toTypedArray/)
  }
  port1.close()
  port2.close()
  await run.done
  // A tensor that became {} would be lost in silence; of a run nothing is to be seen.
  expect(() => JSON.stringify({ x })).toThrow(LangevinError)
  expect(JSON.stringify({ run })).toBe('{"run":{}}')
})
