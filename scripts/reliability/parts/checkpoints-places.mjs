// A full disk, a read-only folder and one that vanishes, while a run writes its checkpoints there.
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { answerOf, inProcess } from '../lib/child.mjs'
import { canMount, UNPRIVILEGED } from '../lib/machine.mjs'
import { scratch } from '../lib/scratch.mjs'

/**
 * Trains with checkpoints in `folder`; `meanwhile` is run once after the first of them. Says the error, whether the last
 * checkpoint that was announced loads, and whether the model still computes.
 */
const script = (folder, { hidden = 64, meanwhile = '' } = {}) => `
const { rmSync, existsSync } = await import('node:fs')
const { execFileSync } = await import('node:child_process')
const rows = data.toys.rings({ n: 500, seed: 1 })
const model = await makeModel([${hidden}, ${hidden}])
const path = ${JSON.stringify(folder)} + '/step-{step}.safetensors'
const options = { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), steps: 100_000, batchSize: 64, seed: 3, threads: 1 }
const run = train(model, rows, { ...options, checkpoint: { path, every: 5 } })
let last
let error
const ended = run.done.catch((reason) => { error = reason })
try {
  for await (const event of run) {
    if (event.type !== 'checkpoint') continue
    if (last === undefined) { ${meanwhile} }
    last = event.path
  }
} catch (reason) { error ??= reason; run.abort() }
await ended
let loads = null
if (last && existsSync(last)) { const again = await Energy.load(last); loads = again.parameterCount > 0; again.dispose() }
const energy = await model.energy([[0, 1]])
say({ coded: error instanceof LangevinError, code: error?.code, reason: error?.details?.reason, path: error?.details?.path?.includes(${JSON.stringify(folder)}),
  message: error?.message, loads, finite: Number.isFinite(energy.toArray()[0]), left: memoryStats().jobsRunning })
`

function judge(figures, name, found, { reasons, loads }) {
  figures.held(name, `${found.code} (${found.reason})`, {
    limit: `ERR_LANGEVIN_IO with path and reason${loads ? ', the last checkpoint loads' : ''}, the model computes`,
    ok:
      found.coded &&
      found.code === 'ERR_LANGEVIN_IO' &&
      reasons.includes(found.reason) &&
      found.path &&
      found.finite &&
      found.left === 0 &&
      (!loads || found.loads === true),
    note: found.message?.replace(/\/\S*\/langevin-\S+?\//, ''),
  })
}

export async function places({ figures }) {
  const deadline = 120
  const mounted = scratch('full')
  if (canMount()) {
    const full = ['unshare', '-m', 'sh', '-c', `mount -t tmpfs -o size=1m none ${mounted} && exec "$@"`, 'sh']
    const found = answerOf(await inProcess(script(mounted), { wrap: full, deadline }))
    judge(figures, 'full disk (a tmpfs of 1 MiB)', found, { reasons: ['ENOSPC'], loads: true })
    // Refused while a checkpoint is being written: until it is not.
    const only = `for (let tries = 0; ; tries++) {
      try { execFileSync('mount', ['-o', 'remount,ro', ${JSON.stringify(mounted)}], { stdio: 'ignore' }); break }
      catch (reason) { if (tries === 500) throw reason }
      await sleep(3)
    }`
    const large = ['unshare', '-m', 'sh', '-c', `mount -t tmpfs -o size=64m none ${mounted} && exec "$@"`, 'sh']
    const readOnly = answerOf(await inProcess(script(mounted, { meanwhile: only }), { wrap: large, deadline }))
    judge(figures, 'file system becomes read-only', readOnly, { reasons: ['EROFS'], loads: true })
  } else {
    figures.skipped('full disk (a tmpfs of 1 MiB)', 'mounting is not permitted here')
    figures.skipped('file system becomes read-only', 'mounting is not permitted here')
  }
  const forbidden = join(scratch('forbidden'), 'inner')
  mkdirSync(forbidden)
  for (const path of [forbidden, join(forbidden, '..')]) chmodSync(path, 0o555)
  if (UNPRIVILEGED !== undefined || process.getuid() !== 0) {
    const found = answerOf(await inProcess(script(forbidden), { wrap: UNPRIVILEGED, deadline }))
    judge(figures, 'read-only folder, as a user without rights', found, { reasons: ['EACCES'], loads: false })
  } else
    figures.skipped('read-only folder, as a user without rights', 'root may write everywhere, and setpriv is missing')
  const parent = scratch('vanished')
  const gone = join(parent, 'run')
  mkdirSync(gone)
  const meanwhile = `rmSync(${JSON.stringify(gone)}, { recursive: true })`
  const found = answerOf(await inProcess(script(gone, { meanwhile }), { deadline }))
  judge(figures, 'folder that vanishes', found, { reasons: ['ENOENT'], loads: false })
  figures.held('files left beside it', readdirSync(parent).length, { limit: '0', ok: readdirSync(parent).length === 0 })
}
