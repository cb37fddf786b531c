export interface RecordedLibtorch {
  version?: string
  prefix?: string
  relative?: string
}
export const NAPI: number
export const PLATFORM: string
export const PREBUILT: string
export function packageVersion(root: string): string
export function unpacked(path: string): string
export function readRecord(addon: string): { libtorch?: RecordedLibtorch; bytes?: number } | undefined
export function choicePath(root: string, env?: NodeJS.ProcessEnv): string
export function readChoice(
  root: string,
  env?: NodeJS.ProcessEnv,
): { addon?: string; libtorch?: RecordedLibtorch } | undefined
export function prebuiltAddon(root: string): string | undefined
export function libtorchOf(
  addon: string,
  context: { root: string; env?: NodeJS.ProcessEnv },
): { prefix?: string; problem?: string; remedy?: string }
export function damage(addon: string): string | undefined
export function openLibtorch(prefix: string): void
