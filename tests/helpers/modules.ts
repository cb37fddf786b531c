/** Which file of a layer includes or imports which, checked against an order of the layer's modules. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'

export const INCLUDE = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm
export const IMPORT = /(?:^|\s)(?:import|export)\b[^'";]*?(?:from\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/gm

/** A layer of the project: a folder of sources whose includes or imports are checked. */
export interface Layer {
  /** Its folder, from the root of the project. */
  layer: string
  /** Which of its files are sources. */
  files: RegExp
  /**
   * Its modules, each of which may use earlier ones only: folders (`samplers`, `samplers/cuda`) or single files without
   * their extension (`errors`, `energies/functions`). A file belongs to the longest entry that its path begins with.
   */
  order?: readonly string[]
  /** Modules that others import by their index.ts alone. */
  byIndex?: readonly string[]
}

/** Two files of a layer, from the root of the project: `from` includes or imports `to`. */
export interface Use {
  from: string
  to: string
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** The sources of a layer, from the root. */
function sourcesOf(root: string, { layer, files }: Layer): string[] {
  return filesBelow(join(root, layer))
    .filter((name) => files.test(name))
    .map((name) => relative(root, name).split(sep).join('/'))
    .sort()
}

/** What a source names in its includes or imports. */
export function targetsIn(path: string, text: string): string[] {
  return [...text.matchAll(path.endsWith('.ts') ? IMPORT : INCLUDE)].map((match) => match[1] ?? match[2] ?? '')
}

/** Every use of one file of the layer by another. Names of other layers and of packages are left out. */
export function usesIn(root: string, layer: Layer): Use[] {
  const sources = sourcesOf(root, layer)
  const known = new Set(sources)
  return sources.flatMap((from) =>
    targetsIn(from, readFileSync(join(root, from), 'utf8')).flatMap((target) => {
      const beside = posix.join(dirname(from), target)
      const candidates = from.endsWith('.ts')
        ? [beside.replace(/\.js$/, '.ts')]
        : [beside, posix.join(layer.layer, target), posix.normalize(target)]
      const to = candidates.find((path) => known.has(path))
      return to === undefined || to === from ? [] : [{ from, to }]
    }),
  )
}

/** The entry of the order a file belongs to. */
function moduleOf(path: string, { layer, order = [] }: Layer): string | undefined {
  const inside = path.slice(layer.length + 1).replace(/\.\w+$/, '')
  return order
    .filter((entry) => inside === entry || inside.startsWith(`${entry}/`))
    .sort((a, b) => b.length - a.length)[0]
}

/** What is wrong with the order of a layer: uses against it, files of no module, entries without files. */
export function disorder(root: string, layer: Layer): string[] {
  const { order } = layer
  if (order === undefined) return []
  const sources = sourcesOf(root, layer)
  const belongs = new Map(sources.map((path) => [path, moduleOf(path, layer)]))
  const found: string[] = []
  for (const [path, module] of belongs) {
    if (module === undefined)
      found.push(`${path} is in no module: add its folder to "${layer.layer}" in docs/modules.json, where the order is`)
  }
  const filled = new Set(belongs.values())
  for (const entry of order) {
    if (!filled.has(entry))
      found.push(`${layer.layer} has no module '${entry}': take it out of "${layer.layer}" in docs/modules.json`)
  }
  const verb = layer.files.test('x.ts') ? 'imports' : 'includes'
  for (const { from, to } of usesIn(root, layer)) {
    const [user, used] = [belongs.get(from), belongs.get(to)]
    if (user === undefined || used === undefined || order.indexOf(used) <= order.indexOf(user)) continue
    found.push(
      `${from} ${verb} ${to}: '${used}' comes after '${user}'; move what both need to an earlier module of ${layer.layer}`,
    )
  }
  return found
}

/** Imports that pass by the index.ts of a module in `byIndex`. */
export function pastIndex(root: string, layer: Layer): string[] {
  const { layer: folder, byIndex = [] } = layer
  return usesIn(root, layer).flatMap(({ from, to }) => {
    const module = byIndex.find((name) => to.startsWith(`${folder}/${name}/`))
    if (module === undefined || from.startsWith(`${folder}/${module}/`) || to === `${folder}/${module}/index.ts`)
      return []
    return [`${from} imports ${to}: import it from ${folder}/${module}/index.ts`]
  })
}

/** Files that lie beside a folder of the same name: one subject in two places. */
export function besideFolder(root: string, layer: Layer): string[] {
  const sources = sourcesOf(root, layer)
  const folders = new Set(sources.map((path) => dirname(path)))
  return sources
    .filter((path) => folders.has(path.replace(/\.\w+$/, '')))
    .map((path) => `${path} lies beside the folder ${path.replace(/\.\w+$/, '/')}: move it into the folder`)
}

/** Circles of uses, each as `a -> b -> a`; the smallest file name first. */
export function circles(uses: readonly Use[]): string[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of uses) next.set(from, [...(next.get(from) ?? []), to])
  const state = new Map<string, 'open' | 'done'>()
  const found = new Set<string>()
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      const circle = path.slice(path.indexOf(file))
      const first = circle.indexOf([...circle].sort()[0]!)
      const turned = [...circle.slice(first), ...circle.slice(0, first)]
      found.add([...turned, turned[0]].join(' -> '))
      return
    }
    state.set(file, 'open')
    for (const to of next.get(file) ?? []) visit(to, [...path, file])
    state.set(file, 'done')
  }
  for (const file of next.keys()) visit(file, [])
  return [...found]
}

/** Sources that do not open with a comment that says what they are for. */
export function withoutOpening(root: string, layer: Layer): string[] {
  return sourcesOf(root, layer).filter((path) => {
    const text = readFileSync(join(root, path), 'utf8').replace(/^#!.*\n/, '')
    // A comment that is followed by a declaration at once speaks of that declaration.
    return !/^\/\*\*[^/][\s\S]*?\*\/\n(?:\n|import\b|export (?:\*|type \{|\{))/.test(text)
  })
}
