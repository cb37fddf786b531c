/** Networks: outputs of rows, without an energy; also the part of an energy that learns. Specs: frozen plain JSON. */
import { mlp } from './mlp.js'
import { sequential } from './sequential.js'

export const networks = { mlp, sequential }
export { layers } from './layers.js'
