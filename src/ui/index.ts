/** A local page that watches runs. */
export type { Action, Picture } from './messages.js'
export { type OwnRun, type UiOptions, UiServer } from './server.js'
