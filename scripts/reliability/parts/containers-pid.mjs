// PID 1, as a container without an init has it: of signals without a handler the kernel spares it.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Energy, energies } from '../../../dist/index.js'
import { answerOf, dist, inProcess } from '../lib/child.mjs'
import { canMount } from '../lib/machine.mjs'
import { scratch } from '../lib/scratch.mjs'

const NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
const CLI = fileURLToPath(new URL('cli/main.js', dist))

/** `langevin serve` as PID 1: it is ready, gets SIGTERM, and ends by itself with code 0. */
async function served() {
  const path = join(scratch('pid'), 'm.safetensors')
  const model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
  await model.save(path)
  model.dispose()
  const [program, ...args] = NAMESPACE
  const child = spawn(
    program,
    [...args, process.execPath, CLI, 'serve', path, '--port', '0', '--log-level', 'silent'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const url = await new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.trim().split('\n')[0])
    })
    child.once('close', (code) => reject(new Error(`langevin serve ended with code ${code}`)))
  })
  const { status } = await fetch(`${url}/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[[1,2]]',
  })
  const inner = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0])
  process.kill(inner, 'SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
  const end = await new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
  clearTimeout(late)
  return { status, end }
}

export async function firstProcess({ figures }) {
  if (!canMount()) return figures.skipped('PID 1', 'namespaces are not permitted here')
  const script = `
    const model = await makeModel()
    const run = endless(model)
    await firstProgress(run)
    run.abort()
    await run.done.catch(() => undefined)
    say({ pid: process.pid, rows: (await model.energy([[1, 2]])).shape[0] })`
  const found = answerOf(await inProcess(script, { wrap: NAMESPACE }))
  figures.held('PID 1: a run that is aborted', `pid ${found.pid}`, {
    limit: 'computes, ends with code 0',
    ok: found.pid === 1 && found.rows === 1,
  })
  const { status, end } = await served()
  figures.held('PID 1: langevin serve, SIGTERM', end, {
    limit: 'answers, then code 0',
    ok: status === 200 && end === 0,
  })
}
