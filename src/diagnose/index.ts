/** diagnose(): what is wrong with a result, in words. */
export { type Diagnosable, type Diagnosis, diagnose } from './diagnose.js'
export type { Finding } from './finding.js'
export { trainingSoFar } from './training.js'
