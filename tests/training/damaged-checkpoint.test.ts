/** Checkpoints whose metadata is JSON and not what a run writes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Energy, energies, objectives, tensor, train } from '../../src/index.js'
import { safetensors } from '../../src/io/index.js'
import { rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-damaged-'))
const path = join(folder, 'c.safetensors')
const rows = tensor(
  Float32Array.from({ length: 40 }, (_, i) => Math.sin(i)),
  [20, 2],
)
const make = () => Energy.create(energies.mlp({ input: 2, hidden: [4] }), { seed: 1 })
const options = { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), batchSize: 10, seed: 3, threads: 1 }

beforeAll(async () => {
  await using model = await make()
  await train(model, rows, { ...options, steps: 3, checkpoint: { path } }).done
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['null', () => null],
  ['a list', () => []],
  ['warnings that are a number', (state: object) => ({ ...state, warnings: 7 })],
  ['a warning that is null', (state: object) => ({ ...state, warnings: [null] })],
])('%s', async (_, change) => {
  const { tensors, metadata } = await safetensors.read(path)
  const state = JSON.parse(metadata['langevin.checkpoint']!)
  const damaged = join(folder, 'damaged.safetensors')
  await safetensors.write(damaged, tensors, { ...metadata, 'langevin.checkpoint': JSON.stringify(change(state)) })
  await using model = await make()
  const error = await rejection(() => train(model, rows, { ...options, steps: 5, resume: damaged }).done)
  expect([error.code, error.message]).toEqual([
    'ERR_LANGEVIN_FORMAT',
    expect.stringContaining('is not what a run writes'),
  ])
})
