// The same loop in plain JavaScript, for the double well: what no library at all does. E = (x1^2 - 1)^2 + x2^2 / 2.
import { performance } from 'node:perf_hooks'
import { options, serve } from './trial.mjs'

const { chains, steps, stepSize = 0.001 } = options
const x = new Float32Array(2 * chains)
let spare = 0
let kept = false
function normal() {
  if (kept) {
    kept = false
    return spare
  }
  const r = Math.sqrt(-2 * Math.log(1 - Math.random()))
  const angle = 2 * Math.PI * Math.random()
  spare = r * Math.sin(angle)
  kept = true
  return r * Math.cos(angle)
}
for (let i = 0; i < x.length; i++) x[i] = normal()

function run(count) {
  const half = stepSize / 2
  const noise = Math.sqrt(stepSize)
  for (let s = 0; s < count; s++) {
    for (let i = 0; i < x.length; i += 2) {
      const a = x[i]
      x[i] = a - half * 4 * a * (a * a - 1) + noise * normal()
      x[i + 1] -= half * x[i + 1] - noise * normal()
    }
  }
}

run(Math.max(steps, 1000)) // the compiler has seen the loop
await serve(() => {
  const began = performance.now()
  run(steps)
  return { value: ((performance.now() - began) / steps) * 1000 }
})
