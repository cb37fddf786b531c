/** Inference: how infer() looks for the y of lowest energy. Every factory is pure and returns frozen plain JSON. */
export * as inferences from './factories.js'
