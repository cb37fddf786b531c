/** Networks: outputs of rows, without an energy. Every factory is pure, validates at once and returns frozen plain JSON. */
export { type MlpOptions, mlp } from './mlp.js'
export { type SequentialOptions, sequential } from './sequential.js'
