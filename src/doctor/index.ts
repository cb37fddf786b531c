/** doctor(): a check of the installation. */
export { doctor } from './doctor.js'
export { type DoctorCheck, type DoctorReport, type LibtorchAttempt, renderReport } from './report.js'
