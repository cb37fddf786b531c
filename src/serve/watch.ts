/** Tells when files have changed, also files that are replaced, and links whose targets are, as Kubernetes mounts them. */
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file that is written in place changes several times; it is looked at when it has been quiet for so long. */
const QUIET_MS = 150

const stamp = async (file: string): Promise<string> => {
  try {
    const { mtimeMs, size, ino } = await stat(file)
    return `${mtimeMs} ${size} ${ino}`
  } catch {
    return ''
  }
}

/** Calls `changed` with the files that are different; returns what ends the watch. */
export async function watchFiles(
  files: readonly string[],
  changed: (files: string[]) => void,
  failed: (error: unknown) => void,
): Promise<() => void> {
  const seen = new Map<string, string>()
  for (const file of files) seen.set(file, await stamp(file))
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const look = async () => {
    const different: string[] = []
    for (const [file, before] of seen) {
      const now = await stamp(file)
      // A file that is gone for a moment is being replaced.
      if (now === before || now === '') continue
      seen.set(file, now)
      different.push(file)
    }
    if (different.length > 0 && !ended) changed(different)
  }
  const soon = () => {
    clearTimeout(timer)
    timer = setTimeout(() => void look().catch(failed), QUIET_MS)
  }
  const watchers: FSWatcher[] = []
  const end = () => {
    ended = true
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
  try {
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      const watcher = watch(folder, soon)
      watcher.on('error', failed)
      watchers.push(watcher)
    }
  } catch (error) {
    end()
    throw error
  }
  return end
}
