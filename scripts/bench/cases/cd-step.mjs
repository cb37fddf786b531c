/** Milliseconds per training step of contrastive divergence with ten Langevin steps and Adam. */
import { contrastiveFlop } from '../lib/flop.mjs'
import { langevinSampler, mlp, torchebmContender, trainingContenders } from '../lib/training.mjs'

export const name = 'cd-step'
export const title = 'One CD-10 training step'
export const unit = 'ms'
export const secondsPerUnit = 1e-3
export const threads = [1, 2]

const row = (batch, steps) => ({
  label: `2-128-128-1, batch ${batch.toLocaleString('en')}`,
  options: {
    energy: mlp,
    objective: { kind: 'contrastiveDivergence', sampler: langevinSampler(10) },
    batch,
    steps,
    per: 'step',
  },
  flop: contrastiveFlop([2, 128, 128, 1], batch, 10),
})
export const rows = [row(128, 400), row(1000, 50), row(10_000, 6)]
export const contenders = [...trainingContenders, torchebmContender]
