/** Noises: laws with a known density for noise-contrastive objectives. Pure factories of frozen plain JSON. */
export * as noises from './factories.js'
