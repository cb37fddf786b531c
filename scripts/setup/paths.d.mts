export const PINNED_LIBTORCH: string
export const SETUP: string
export function installedAsDependency(root: string): boolean
export function setupCommand(root: string): string
export function cacheDirectory(
  env?: NodeJS.ProcessEnv,
  system?: { home?: string; uid?: number; temporary?: string },
): string
export function foreignCache(cache: string, uid?: number): string | undefined
export function stateDirectory(root: string, env?: NodeJS.ProcessEnv): string
export function homeDirectory(root: string, env?: NodeJS.ProcessEnv): string
