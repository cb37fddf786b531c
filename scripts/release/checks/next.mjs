// Next.js: a route handler that scores, built for production and asked over HTTP.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Failure, must, place, userTools } from '../support.mjs'
import { userEnv } from './install.mjs'

/** The address a server prints when it listens. */
async function addressOf(child, seconds) {
  let text = ''
  const signal = AbortSignal.timeout(1000 * seconds)
  for await (const [chunk] of on(child.stdout, signal)) {
    text += chunk
    const found = /http:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(text)
    if (found !== null) return found[0].replace('localhost', '127.0.0.1')
  }
  throw new Failure(`next start printed no address: ${text}`)
}

async function* on(stream, signal) {
  for (;;) yield await once(stream, 'data', { signal })
}

/** next build and next start of fixtures/next, with serverExternalPackages. */
export async function next({ project }) {
  const folder = place('next', project.folder)
  await userTools(folder, ['next@16', 'react@19', 'react-dom@19'])
  const cli = join(folder, 'node_modules/next/dist/bin/next')
  const env = { ...userEnv(project), NEXT_TELEMETRY_DISABLED: '1' }
  await must(process.execPath, [cli, 'build'], { cwd: folder, env })
  const server = spawn(process.execPath, [cli, 'start', '--port', '0', '--hostname', '127.0.0.1'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const address = await addressOf(server, 60)
    const answer = await fetch(`${address}/api/energy?row=[3,4]`)
    const text = await answer.text()
    if (answer.status !== 200 || text !== '[12.5]') throw new Failure(`the route answered ${answer.status} ${text}`)
  } finally {
    server.kill()
  }
  return 'serverExternalPackages: built, started, a route scored a row'
}
