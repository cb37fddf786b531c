/** Delay of the event loop during training: the part above the timer's own period, 99th percentile. The whole machine is used. */
export const name = 'event-loop'
export const title = 'Event-loop delay during PCD training, p99'
export const unit = 'ms'
export const rows = [{ label: 'PCD, 2-128-128-1, batch 256, 20 Langevin steps', options: { steps: 1500 } }]
export const contenders = [
  {
    name: 'langevin',
    peer: 'langevin',
    script: 'langevin/event-loop.mjs',
    also: ['p50', 'max', 'stepsPerSecond', 'events'],
  },
]
