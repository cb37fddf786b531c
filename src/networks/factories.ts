/** Networks: outputs of rows, or of the nodes of a graph, without an energy. Every factory is pure, validates at once and returns frozen plain JSON. */
export { type AppnpOptions, appnp } from './appnp.js'
export { type GatOptions, gat } from './gat.js'
export { type GcnOptions, gcn } from './gcn.js'
export { type GinOptions, gin } from './gin.js'
export { type MlpOptions, mlp } from './mlp.js'
export { type NodeMlpOptions, nodeMlp } from './node-mlp.js'
export { type SageOptions, sage } from './sage.js'
export { type SequentialOptions, sequential } from './sequential.js'
