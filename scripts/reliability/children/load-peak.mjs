// Loads one large file and says how much the process took at its most. argv: KIND PATH.
import { Energy, io, tensor } from '../../../dist/index.js'

const [kind, path] = process.argv.slice(2)
tensor([1]).dispose()
// The largest RSS of the process begins anew; where that is not permitted it holds what came before, which is less.
const { writeFileSync, readFileSync } = await import('node:fs')
try {
  writeFileSync('/proc/self/clear_refs', '5')
} catch {}
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
const before = process.memoryUsage.rss()
const made =
  kind === 'model'
    ? await Energy.load(path)
    : kind === 'safetensors'
      ? (await io.safetensors.read(path)).tensors
      : await io.npy.read(path)
const result = { peak: peak() - before }
for (const each of kind === 'safetensors' ? Object.values(made) : [made]) each.dispose()
process.send({ result }, () => process.exit(0))
