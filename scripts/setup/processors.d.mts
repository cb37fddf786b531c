export function quota(at?: string): number
export function allowedProcessors(machine?: { cores?: number; at?: string }): number
