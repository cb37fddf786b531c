/** Detectors of tables whose columns are not all numbers: what a schema encodes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { data, ood } from '../../src/index.js'
import { normals, uniforms } from '../helpers/random.js'

const [uniform, normal] = [uniforms(3), normals(4)]
const people = (n: number) =>
  data.fromRows(
    Array.from({ length: n }, () => {
      const job = ['clerk', 'cook', 'smith'][Math.floor(3 * uniform())]!
      return { job, pay: (job === 'smith' ? 40 : 20) + 2 * normal(), north: uniform() < 0.3 }
    }),
  )
const table = people(300)
const { schema } = data.schema(table, { transform: 'standardize', unseen: 'mode', range: 'keep' })
const asked = data.fromRows([
  { pay: 40, north: false, job: 'smith' },
  { pay: 40, north: false, job: 'cook' },
  { pay: 400, north: true, job: 'pilot' },
])

describe('ood.fit with a schema', () => {
  it('encodes the rows, here and when they are scored, and keeps the schema in its file', async () => {
    await using fitted = await ood.fit(ood.detectors.knn(), table, { schema, heldOut: 0.2 })
    // The same rows, encoded by hand, and the same of them held out.
    await using plain = await ood.fit(ood.detectors.knn(), data.encode(table, schema).rows, { heldOut: 0.2 })
    const own = (await fitted.scores(asked)).toArray() as number[]
    expect(own).toEqual((await plain.scores(data.encode(asked, schema).rows)).toArray())
    expect(fitted.heldOut).toBe(60)
    expect(own[1]).toBeGreaterThan(own[0]! + 0.5)
    const folder = mkdtempSync(join(tmpdir(), 'langevin-mixed-'))
    try {
      await fitted.save(join(folder, 'people.safetensors'))
      await using read = await ood.load(join(folder, 'people.safetensors'))
      expect(read.inputs!.schema).toEqual(schema)
      expect((await read.scores(asked)).toArray()).toEqual(own)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('an energy trained on encoded rows sees them as they are', async () => {
    await using fitted = await ood.fit(ood.detectors.energyLadder({ steps: 60 }), table, { schema, seed: 1 })
    const [usual, odd, far] = (await fitted.scores(asked)).toArray() as number[]
    expect(odd).toBeGreaterThan(usual!)
    expect(far).toBeGreaterThan(odd!)
  })

  it('refuses what it cannot encode', async () => {
    const knn = ood.detectors.knn()
    await expect(ood.fit(knn, [[1, 2]], { schema })).rejects.toThrow(/schema: describes the columns of a data set/)
    await expect(ood.fit(knn, table, { schema, standardize: true })).rejects.toThrow(/is said by the schema/)
    await expect(ood.fit(knn, table)).rejects.toThrow(/column 'job' contains text/)
    await expect(ood.fit(knn, table.drop(['pay']), { schema })).rejects.toThrow(/'pay'/)
  })
})
