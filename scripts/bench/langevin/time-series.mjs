// Milliseconds per draw of NUTS on an expression energy: the posterior of x_t = a x_{t-1} + b x_{t-2} + s e_t with every x_t
// observed as y_t with noise, over (a, b, log s, x). Every trial runs the same warm-up and draws.
import { options, orUnsupported, serve } from './trial.mjs'

const { columns, chains, steps, threads, dtype, executor } = options
if (executor) process.env.LANGEVIN_EXECUTOR = executor // before the energy is made
const { Energy, energies, sample, samplers } = await import('../../../dist/index.js')

const n = columns - 3
const y = Array.from({ length: n }, (_, t) => Math.sin(0.4 * t) + 0.3 * Math.cos(1.7 * t))
const posterior = energies.expression(
  (x) => {
    const z = x.slice(3, columns)
    const steps = z
      .slice(2, n)
      .sub(z.slice(1, n - 1).mul(x.at(0)))
      .sub(z.slice(0, n - 2).mul(x.at(1)))
    const logScale = x.at(2)
    const moves = steps
      .square()
      .sum()
      .mul(logScale.mul(-2).exp())
      .mul(0.5)
      .add(logScale.mul(n - 2))
    return moves.add(z.sub(y).square().sum().mul(2)).add(x.slice(0, 3).square().sum().mul(0.5))
  },
  { input: columns },
)
const warmup = 50
const model = await Energy.create(posterior, { dtype, seed: 1 })
const run = async () => {
  const sampler = samplers.nuts({ steps: warmup + steps, warmup })
  const result = await sample(model, { sampler, chains, threads, seed: 1, keep: 'trajectory' }).done
  for (const tensor of [result.samples, result.energy]) tensor?.dispose()
  return result
}

const first = await orUnsupported(run)
const { leapfrogSteps } = first.diagnostics
await serve(
  async () => {
    const { seconds } = await run()
    const value = (seconds / (warmup + steps)) * 1e3
    return { value, perLeapfrog: value / leapfrogSteps }
  },
  { executor: `${first.executor}, ${model.explain().executor}`, leapfrogSteps },
)
