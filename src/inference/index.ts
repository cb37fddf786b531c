/** Inference: how infer() looks for the y of lowest energy. Every factory is pure and returns frozen plain JSON. */
import { coordinateSearch } from './coordinate-search.js'
import { derivativeFree } from './derivative-free.js'
import { exhaustive } from './exhaustive.js'
import { gradientDescent } from './gradient-descent.js'
import { langevin } from './langevin.js'

export const inferences = { exhaustive, gradientDescent, coordinateSearch, derivativeFree, langevin }
