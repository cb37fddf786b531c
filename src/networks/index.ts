/** Networks: outputs of rows, without an energy; also the part of an energy that learns. Specs: frozen plain JSON. */
export * as networks from './factories.js'
export * as layers from './layers.js'
