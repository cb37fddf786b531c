/** Data: readers of files, toy distributions, the shapes of the spandrel study, grids and Gaussian fits. */
export { fromArrays } from './arrays.js'
export { csv } from './csv.js'
export { cifar, idx, npy, npz, safetensors } from './files.js'
export { type GaussianFit, gaussianFit } from './gaussian-fit.js'
export { grid } from './grid.js'
export { parquet } from './parquet.js'
export * as spandrel from './spandrel.js'
export * as toys from './toys.js'
