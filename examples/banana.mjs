// Sample a density given by a formula: the function is traced once and runs natively, with exact gradients.
import { Energy, energies, sample, samplers } from 'langevin'

const banana = energies.expression(
  (x) => {
    const u = x.at(0)
    const v = x.at(1).sub(u.mul(u))
    return u.mul(u).div(2).add(v.mul(v).mul(2))
  },
  { input: 2 },
)
const model = await Energy.create(banana)
const { diagnostics } = await sample(model, {
  sampler: samplers.hmc({ steps: 600, stepSize: 0.2, leapfrogSteps: 8 }),
  chains: 64,
  keep: 'trajectory',
  burnIn: 200,
  seed: 1,
}).done
console.log('acceptance', diagnostics.acceptance.toFixed(2))
console.log('worst R-hat', diagnostics.rhat.toFixed(3), 'effective draws', Math.round(diagnostics.ess.bulk))
model.dispose()
