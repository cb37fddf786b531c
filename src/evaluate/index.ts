/** How well a model fits rows. */
export { type LogLikelihood, type LogLikelihoodOptions, type LogZ, logLikelihood } from './log-likelihood.js'
