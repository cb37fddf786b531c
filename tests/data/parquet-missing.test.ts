/** data.parquet where hyparquet is not installed. */
import { expect, test, vi } from 'vitest'
import { parquet } from '../../src/data/parquet.js'

vi.mock('node:module', () => ({
  createRequire: () => ({
    resolve: (name: string) => {
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
    },
  }),
}))

test('says what to install', async () => {
  await expect(parquet('x.parquet')).rejects.toMatchObject({
    code: 'ERR_LANGEVIN_UNSUPPORTED',
    message: expect.stringContaining('npm install hyparquet'),
  })
})
