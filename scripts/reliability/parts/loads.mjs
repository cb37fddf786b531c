// RSS at its most while a large file is loaded.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Energy, energies, io, tensor } from '../../../dist/index.js'
import { forked } from '../lib/forked.mjs'
import { scratch } from '../lib/scratch.mjs'

const MOST_TIMES = 3

export async function run({ quick, figures }) {
  const folder = scratch('large')
  const width = quick ? 1024 : 8192 // 64 million numbers, 256 MiB
  const paths = {
    model: join(folder, 'model.safetensors'),
    safetensors: join(folder, 'a.safetensors'),
    npy: join(folder, 'a.npy'),
  }
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [width, width] }))
  await model.save(paths.model)
  model.dispose()
  const array = tensor(new Float32Array(width * width), [width, width])
  await io.safetensors.write(paths.safetensors, { array })
  await io.npy.write(paths.npy, array)
  array.dispose()
  for (const [kind, path] of Object.entries(paths)) {
    const { size } = statSync(path)
    const { peak } = await forked('load-peak.mjs', [kind, path], { deadline: 300 })
    const figure = {
      unit: 'times the file',
      note: `${(size / 2 ** 20).toFixed(0)} MiB, ${(peak / 2 ** 20).toFixed(0)} MiB more at the most`,
    }
    const name = `loading a ${kind === 'model' ? 'model' : `${kind} file`}`
    // Of a small file the heap of JavaScript is the most.
    if (quick) figures.seen(name, peak / size, figure)
    else figures.held(name, peak / size, { ...figure, limit: `${MOST_TIMES}`, ok: peak / size <= MOST_TIMES })
  }
}
