/** Schedules: numbers that change over a run, and the field that takes one. */
export { scheduleField } from './fields.js'
export * as schedules from './schedules.js'
