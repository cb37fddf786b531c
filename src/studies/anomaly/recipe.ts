/**
 * The energy of the anomaly study: label-free, the same for every table.
 *
 * The columns are standardised, so the data's own scale is 1. For noise levels sigma = 1, 1/2, 1/4 one energy each,
 *
 *   E_sigma(x) = (x - m)' (S + sigma^2 I)^-1 (x - m) / 2 + MLP_sigma(x / sigma),
 *
 * is trained by denoising score matching at that sigma. The quadratic part is the exact minimiser of that objective among
 * Gaussians (m, S: mean and covariance of the training rows), and it is what is left far from the data, so the network
 * learns what is not Gaussian, in units of the noise. The anomaly score is the mean of the energies, each standardised on
 * the training rows: no level is preferred, and no label is used.
 */
import { gaussianFit } from '../../data/gaussian-fit.js'
import { mlp } from '../../energies/mlp.js'
import { Energy } from '../../energy.js'
import { denoisingScoreMatching } from '../../objectives/denoising-score-matching.js'
import { averagedEnergy } from '../../ood/detectors.js'
import type { Detector } from '../../ood/evaluate.js'
import { adam } from '../../optimizers/adam.js'
import { schedules } from '../../schedules/index.js'
import type { Tensor } from '../../tensor/index.js'
import { train } from '../../training/index.js'

/** Halvings down from the standard deviation of the columns. */
export const SIGMAS = [1, 0.5, 0.25] as const
export const DEFAULT_STEPS = 600

export interface RecipeOptions {
  seed: number
  /** Optimiser steps for each of the energies. */
  steps: number
  signal?: AbortSignal | undefined
  threads?: number | undefined
  /** Share of the training that is done, 0 to 1. */
  onProgress?: (done: number) => void
}

/** One energy of the ladder, trained. */
async function trainEnergy(rows: Tensor, sigma: number, seed: number, options: RecipeOptions): Promise<Energy> {
  const { steps, signal, threads, onProgress } = options
  const input = rows.shape[1]!
  const spec = mlp({ input, hidden: [64, 64], activation: 'silu', inputScale: 1 / sigma, gaussianBase: 'full' })
  const model = await Energy.create(spec, { seed, signal })
  try {
    // The ridge also makes constant and dependent columns harmless: S + sigma^2 I is never singular.
    const { mean, covariance, precision } = await gaussianFit(rows, { ridge: sigma ** 2, signal })
    await model.setParameters({ 'base.mean': mean, 'base.precision': precision })
    for (const each of [mean, covariance, precision]) each.dispose()
    const run = train(model, rows, {
      objective: denoisingScoreMatching({ sigma }),
      optimizer: adam({ lr: schedules.cosine({ from: 5e-3, warmup: 50 }) }),
      steps,
      batchSize: 256,
      // The average spans about 100 steps, more than the last ones of the cosine.
      ema: { decay: 0.99, warmup: true },
      seed,
      historyPoints: 100,
      ...(threads !== undefined && { threads }),
      ...(signal !== undefined && { signal }),
    })
    for await (const event of run) if (event.type === 'progress') onProgress?.((event.step as number) / steps)
    const { rawParameters = {} } = await run.done
    for (const each of Object.values(rawParameters)) each.dispose()
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}

/**
 * Trains the energies on standardised rows [n, d].
 *
 * @returns the detector, and what frees its energies
 * @throws (rejects) ERR_LANGEVIN_DIVERGED, ERR_LANGEVIN_NON_FINITE, `signal.reason`
 */
export async function trainEnergyDetector(
  rows: Tensor,
  options: RecipeOptions,
): Promise<{ detector: Detector; dispose: () => void }> {
  const models: Energy[] = []
  const dispose = () => {
    for (const model of models) model.dispose()
  }
  try {
    for (const [k, sigma] of SIGMAS.entries()) {
      const onProgress = (done: number) => options.onProgress?.((k + done) / SIGMAS.length)
      // No two energies of a study share their random numbers.
      models.push(await trainEnergy(rows, sigma, options.seed * SIGMAS.length + k, { ...options, onProgress }))
    }
  } catch (error) {
    dispose()
    throw error
  }
  return { detector: averagedEnergy({ models, rows }), dispose }
}
