/** The garbage collector, before native memory is counted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { memoryStats } from '../../src/index.js'

/** Collects what nobody holds, and waits until its finalizers have run: what is counted then is held by somebody. */
export async function collected(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let left = Number.NaN; left !== memoryStats().tensors; ) {
    left = memoryStats().tensors
    collect()
    await sleep(20)
  }
}
