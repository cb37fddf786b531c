/** Seconds for a whole PCD training run: every contender's own script of the same algorithm. --scale shortens it. */
import { langevinSampler, mlp, trainingContenders } from '../lib/training.mjs'

export const name = 'pcd-training'
export const title = 'A whole PCD training run'
export const unit = 's'
export const threads = [1, 2]
export const rows = [
  {
    label: '2-128-128-1, 5,000 steps, batch 256, 20 Langevin steps',
    options: {
      energy: mlp,
      objective: { kind: 'persistentContrastiveDivergence', sampler: langevinSampler(20) },
      batch: 256,
      steps: 5000,
      per: 'run',
    },
  },
]
export const contenders = trainingContenders
