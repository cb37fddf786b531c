/** Delay of the event loop during training: the part above the timer's own period, in milliseconds. */
export const name = 'event-loop'
export const unit = 'ms, p99'
export const better = 'lower'
export const trials = [{ label: 'PCD, 2-128-128-1, batch 256, 20 Langevin steps', options: { steps: 1500 } }]
export const contenders = [
  {
    name: 'langevin',
    command: 'node',
    script: 'scripts/bench/event-loop.mjs',
    figure: (r) => r.p99,
    also: ['p50', 'max', 'stepsPerSecond'],
  },
]
