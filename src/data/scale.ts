/** The scale of a model's inputs on plain numbers: rows in, energies and derivatives out. No tensor, no addon. */

/**
 * With x = mean + scale z the network sees z, and the model is a density of x: E(x) = E(z) + sum log scale, and
 * dE/dx = dE/dz / scale. Computed in float64, rounded to the numbers of the array.
 */
export class Scale {
  /** False where rows pass as they are. */
  readonly transforms: boolean
  /** sum log scale: energies of rows in the data's units are larger by this. */
  readonly logScale: number

  /** @param mean one number for each number of a row; scale likewise, above 0 */
  constructor(
    readonly mean: readonly number[],
    readonly scale: readonly number[],
  ) {
    this.transforms = mean.some((m) => m !== 0) || scale.some((s) => s !== 1)
    this.logScale = scale.reduce((sum, s) => sum + Math.log(s), 0)
  }

  /** Rows x, laid flat, as z. */
  rows<A extends Float32Array | Float64Array>(from: Float32Array | Float64Array, into: A): A {
    const { mean, scale } = this
    const width = mean.length
    for (let i = 0, k = 0; i < into.length; i++, k = k + 1 < width ? k + 1 : 0)
      into[i] = (from[i]! - mean[k]!) / scale[k]!
    return into
  }

  /** Energies of z as those of x, in place. */
  energies(energies: Float32Array | Float64Array): void {
    if (this.logScale !== 0) for (let i = 0; i < energies.length; i++) energies[i] = energies[i]! + this.logScale
  }

  /** Derivatives by z as those by x, in place. */
  derivatives(gradient: Float32Array | Float64Array): void {
    if (!this.transforms) return
    const { scale } = this
    for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! / scale[i % scale.length]!
  }
}
