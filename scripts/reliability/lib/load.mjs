// A server in a process of its own and autocannon in another, with every answer checked.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const child = (name) => fileURLToPath(new URL(`../children/${name}`, import.meta.url))
const next = (from, key) =>
  new Promise((resolve, reject) => {
    const take = (message) => {
      if (message[key] === undefined) return
      from.off('message', take)
      resolve(message[key])
    }
    from.on('message', take)
    from.once('close', (code, signal) =>
      reject(new Error(`a process of the soak ended with ${signal ?? `code ${code}`}`)),
    )
  })

/** A running server. A peer of langevin's is one more value of `mode` in children/serve.mjs, or another file with its messages. */
export async function startServing(options, file = 'serve.mjs') {
  const server = fork(child(file), [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const url = await next(server, 'url')
  return {
    url,
    measure: () => server.send('measure'),
    told: () => {
      const told = next(server, 'told')
      server.send('told')
      return told
    },
    end: () =>
      new Promise((resolve) => {
        server.once('close', (code, signal) => resolve(signal ?? code))
        server.send('end')
      }),
  }
}

/**
 * Requests for so many seconds.
 *
 * @param {{ url: string, way: 'json' | 'binary', seconds: number, connections: number, rate?: number, check?: boolean }} options
 *   check: compare each answer with what the model gave beforehand
 */
export async function cannonade(options) {
  const cannon = fork(child('cannon.mjs'), [JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return next(cannon, 'result')
}
