/** Networks: outputs of rows, without an energy. Every factory is pure, validates at once and returns frozen plain JSON. */
export { mlp } from './mlp.js'
export { sequential } from './sequential.js'
