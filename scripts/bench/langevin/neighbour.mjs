// Keeps a core busy for a share of every ten milliseconds until it is ended, or whoever started it has gone.
import { performance } from 'node:perf_hooks'

const busy = 10 * JSON.parse(process.argv[2]).share
const turn = () => {
  const until = performance.now() + busy
  while (performance.now() < until);
  setTimeout(turn, 10 - busy)
}
turn()
process.stdin.on('end', () => process.exit()).resume()
