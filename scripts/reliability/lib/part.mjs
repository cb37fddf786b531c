// The process of one part: node part.mjs NAME [--quick]. Figures and words go to the parent.
import { Figures } from './figures.mjs'

const [name, flag] = process.argv.slice(2)
// A part may be run by itself, to look for something.
const send = (message) => {
  if (process.send) process.send(message)
  else console.log(JSON.stringify(message))
}
const figures = new Figures((figure) => send({ figure }))
try {
  const { run } = await import(`../parts/${name}.mjs`)
  await run({ quick: flag === '--quick', figures, say: (said) => send({ said }) })
} catch (error) {
  send({ problem: error?.stack ?? String(error) })
  process.exitCode = 1
}
if (process.connected) process.disconnect()
