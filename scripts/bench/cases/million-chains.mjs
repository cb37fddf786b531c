/** 100 Langevin steps with keep: 'moments': memory beside the state must not grow with the chains. All cores. */
export const name = 'million-chains'
export const title = "100 Langevin steps of many chains with keep: 'moments', all cores"
export const unit = 'ns per chain step'
export const fresh = true
export const repeats = 3

const row = (chains) => ({
  label: `2-64-64-1, ${chains.toLocaleString('en')} chains`,
  options: { energy: { kind: 'mlp', input: 2, hidden: [64, 64] }, chains, steps: 100 },
})
export const rows = [row(10_000), row(100_000), row(1_000_000)]
export const contenders = [
  {
    name: 'langevin',
    peer: 'langevin',
    script: 'langevin/moments.mjs',
    also: ['seconds', 'stateMiB', 'grewMiB', 'aboveStateMiB'],
  },
]
