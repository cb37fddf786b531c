/** Distribution shifts of graphs: which nodes are out-of-distribution, what is trained on and what is scored. */
export { type BernoulliP, type FeatureNoiseOptions, featureNoise } from './feature-noise.js'
export { type LeaveOutClassesOptions, leaveOutClasses } from './leave-out-classes.js'
export type { ShareOptions, Shift } from './shift.js'
export { homophily, type PageRankOptions, pageRank } from './structure.js'
