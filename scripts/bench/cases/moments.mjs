/** What keep: 'moments' costs beside the last states alone: 10^5 chains x 1,000 steps, all cores. --scale shortens the runs. */
export const name = 'moments'
export const title =
  "A Langevin step of 100,000 chains with keep: 'moments' beside keep: 'last', whole calls, all cores"
export const unit = 'us'
export const repeats = 3

export const rows = [
  {
    label: '30-64-64-1, 100,000 chains',
    options: { energy: { kind: 'mlp', input: 30, hidden: [64, 64] }, chains: 100_000, steps: 1000 },
  },
]
const keeping = (keep) => ({
  name: `langevin, ${keep}`,
  peer: 'langevin',
  script: 'langevin/step.mjs',
  options: { keep, call: 'bare' },
})
export const contenders = [keeping('last'), keeping('moments')]
