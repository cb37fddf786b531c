// Where the project keeps its managed LibTorch.
import { join, sep } from 'node:path'

/**
 * Where the managed LibTorch lives: LANGEVIN_HOME, else `.langevin` in the project. When langevin is installed as a
 * dependency the project is the one that owns node_modules, so that reinstalling the package keeps the managed copy.
 *
 * @param {string} root the package's folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} absolute path
 */
export function homeDirectory(root, env = process.env) {
  if (env.LANGEVIN_HOME) return env.LANGEVIN_HOME
  const at = root.indexOf(`${sep}node_modules${sep}`)
  return join(at === -1 ? root : root.slice(0, at), '.langevin')
}

/** True when the package lies in somebody's node_modules. @param {string} root */
export function installedAsDependency(root) {
  return root.includes(`${sep}node_modules${sep}`)
}
