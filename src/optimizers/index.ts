/** Optimisers. Every factory is pure, validates at once and returns frozen plain JSON. */
import { adam } from './adam.js'
import { adamw } from './adamw.js'
import { sgd } from './sgd.js'

export const optimizers = { sgd, adam, adamw }
