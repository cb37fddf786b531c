/**
 * What a training run measures, in words: one row per monitor, from which the charts of a report and
 * docs/reference/monitors.md are made. Its twin is native/core/objectives/monitor_table.cpp, which holds limits, codes and
 * remedies; tests/training/monitors.test.ts holds the two together.
 */

/** A chart of the report: its title, and how its curves are drawn. */
export interface Plot {
  readonly title: string
  readonly log?: boolean
  readonly guides?: readonly { y: number; label: string }[]
}

/** In the order in which a report shows them. */
export const PLOTS = {
  loss: { title: 'Loss' },
  energies: { title: 'Energies' },
  gap: { title: 'Gap: E(negatives) - E(data)', guides: [{ y: 0, label: '' }] },
  uniformGap: { title: 'E(uniform noise) - E(data)', guides: [{ y: 0, label: 'noise as probable as data' }] },
  gradientNorm: { title: 'Gradient norm', log: true },
  parameterNorm: { title: 'Parameter norm' },
  lr: { title: 'Learning rate' },
  acceptance: { title: 'Acceptance a Metropolis test gives, or would give' },
  displacement: { title: 'Distance the chains move, in standard deviations of the data', log: true },
  shares: { title: 'Share of chain steps clipped, at the border' },
  restarts: { title: 'Share of buffer draws restarted' },
  bufferAge: { title: 'Mean age of the buffer, sampler steps' },
  drift: { title: 'Drift: E(short chains) - E(long chains)', guides: [{ y: 0, label: '' }] },
  effective: { title: 'Rows the weights rest on' },
  accuracy: { title: 'Accuracy' },
  logZ: { title: 'log Z' },
  samplerKl: { title: 'Energy and entropy at the ends of the chains' },
  divergence: { title: 'Divergence' },
  discrepancy: { title: 'Stein discrepancy' },
  criticSquare: { title: 'Mean square of the critic' },
  helperGradientNorm: { title: 'Gradient norm of the helper', log: true },
  criticGradientNorm: { title: 'Gradient norm of the critic', log: true },
  penalties: { title: 'Penalties' },
} as const satisfies Record<string, Plot>

export interface MonitorText {
  /** What the number is. */
  readonly meaning: string
  readonly unit: string
  /** The chart that shows it; null: a report gives the number elsewhere. */
  readonly plot: keyof typeof PLOTS | null
}

export const MONITORS = {
  loss: { meaning: 'what the objective minimises, without penalties', unit: 'of the objective', plot: 'loss' },
  validationLoss: {
    meaning: 'the loss on held-out rows (validation), always with the same random numbers',
    unit: 'of the objective',
    plot: 'loss',
  },
  gradientNorm: {
    meaning: 'norm of the gradient in the weights, before clipNorm',
    unit: 'loss',
    plot: 'gradientNorm',
  },
  parameterNorm: { meaning: 'norm of the learnable weights', unit: '', plot: 'parameterNorm' },
  lr: { meaning: 'learning rate of the step', unit: '', plot: 'lr' },
  logZ: {
    meaning: 'log Z: the one noiseContrastive learns, or the exact one of maximumLikelihood',
    unit: 'nat',
    plot: 'logZ',
  },
  energyData: { meaning: 'mean E(data)', unit: 'nat', plot: 'energies' },
  energyNegatives: { meaning: 'mean E(negatives)', unit: 'nat', plot: 'energies' },
  gap: { meaning: 'mean E(negatives) - mean E(data)', unit: 'nat', plot: 'gap' },
  energyPenalty: {
    meaning: 'penalties.energy times mean E(data)^2 + mean E(negatives)^2',
    unit: 'loss',
    plot: 'penalties',
  },
  gradientPenalty: { meaning: 'penalties.gradient times mean |dE/dx|^2 on data', unit: 'loss', plot: 'penalties' },
  l1Penalty: { meaning: 'penalties.l1 times the sum of |w|', unit: 'loss', plot: 'penalties' },
  energyUniform: { meaning: 'mean E of uniform noise in the box of the data', unit: 'nat', plot: 'energies' },
  uniformGap: {
    meaning: 'mean E of uniform noise in the box of the data - mean E(data)',
    unit: 'nat',
    plot: 'uniformGap',
  },
  acceptance: {
    meaning:
      'what a Metropolis test accepts; of a sampler without one, what a test would accept, and the limit is 1 - 0.07 sqrt(d), at least 0.6',
    unit: 'share',
    plot: 'acceptance',
  },
  displacement: {
    meaning: 'root mean square distance that the chains move per step',
    unit: 'standard deviations of the data',
    plot: 'displacement',
  },
  clippedShare: { meaning: 'share of the chain steps with a clipped gradient', unit: 'share', plot: 'shares' },
  clampedShare: {
    meaning: 'share of the chain steps that left the box; the limit holds for mode clamp',
    unit: 'share',
    plot: 'shares',
  },
  drift: {
    meaning:
      'with longChains: mean E at the ends of the short chains - mean E at the ends of the long ones, near 0 when short chains have converged',
    unit: 'nat',
    plot: 'drift',
  },
  effectiveTemperature: {
    meaning: 'temperature of the law the chains follow; told once, not in the history',
    unit: '',
    plot: null,
  },
  shortRun: {
    meaning: 'sampler steps of a run with mode shortRun; told once, not in the history',
    unit: 'steps',
    plot: null,
  },
  restartShare: { meaning: 'share of the draws from the buffer that were restarts', unit: 'share', plot: 'restarts' },
  bufferAge: {
    meaning: 'mean number of sampler steps the chains of the buffer have lived',
    unit: 'steps',
    plot: 'bufferAge',
  },
  bufferSaturation: { meaning: 'share of the buffer that was advanced at least once', unit: 'share', plot: null },
  effectiveNegatives: {
    meaning: '1 / sum w^2 of the importance weights of the negatives; looked at where there are 4 of them or more',
    unit: 'rows',
    plot: 'effective',
  },
  effectiveData: { meaning: '1 / sum w^2 of the weights of the data', unit: 'rows', plot: 'effective' },
  samplerKlEnergy: { meaning: 'with samplerKl: mean E at the ends of the chains', unit: 'nat', plot: 'samplerKl' },
  entropy: {
    meaning: 'with samplerKl: entropy of the ends of the chains, by nearest neighbours',
    unit: 'nat',
    plot: 'samplerKl',
  },
  accuracy: {
    meaning: 'share of rows, or of comparisons of data with noise, that are classified correctly',
    unit: 'share',
    plot: 'accuracy',
  },
  crossEntropy: { meaning: 'mean -log p(y | x) of the batch', unit: 'nat', plot: 'loss' },
  recoveries: { meaning: 'how often the run has gone back after a divergence', unit: '', plot: null },
  divergence: { meaning: "fDivergence's estimate of the divergence", unit: '', plot: 'divergence' },
  discrepancy: { meaning: "the learned critic's Stein discrepancy", unit: '', plot: 'discrepancy' },
  criticSquare: { meaning: 'mean square of the learned critic on data', unit: '', plot: 'criticSquare' },
  helperGradientNorm: { meaning: "norm of the gradient in the helper's weights", unit: '', plot: 'helperGradientNorm' },
  criticGradientNorm: { meaning: "norm of the gradient in the critic's weights", unit: '', plot: 'criticGradientNorm' },
} as const satisfies Record<string, MonitorText>

/** A number that training measures, by name. */
export type Monitor = keyof typeof MONITORS
