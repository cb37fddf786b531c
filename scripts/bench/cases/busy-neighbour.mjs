/** Two threads against one beside a process that takes 70 % of one core: two must not be slower. Nobody is pinned. */

export const name = 'busy-neighbour'
export const title = 'One Langevin step beside a neighbour that takes 70 % of one core'
export const unit = 'us'
export const neighbour = { share: 0.7 }

const row = (hidden, chains, steps) => ({
  label: `${[2, ...hidden, 1].join('-')}, ${chains.toLocaleString('en')} chains`,
  options: { energy: { kind: 'mlp', input: 2, hidden }, chains, steps },
})
export const rows = [row([128, 128], 128, 4000), row([128, 128], 1000, 500), row([128, 128], 10_000, 50)]
const langevin = (threads, word) => ({
  name: `langevin, ${word}`,
  peer: 'langevin',
  script: 'langevin/step.mjs',
  options: { threads },
})
export const contenders = [langevin(2, 'two threads'), langevin(1, 'one thread')]
