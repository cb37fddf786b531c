/** The files of the page: its HTML and style, its compiled scripts, and uPlot from its package. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ICON, PAGE } from './page-html.js'
import { STYLE } from './page-style.js'

export interface Asset {
  readonly type: string
  readonly text: string
}

const require = createRequire(import.meta.url)
const SCRIPTS = fileURLToPath(new URL('./page/', import.meta.url))
const UPLOT: Readonly<Record<string, string>> = {
  'uplot.js': 'uplot/dist/uPlot.iife.min.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
}
const JAVASCRIPT = 'text/javascript'

/** A file of the page by its name; undefined for every other name. */
export async function assetOf(name: string): Promise<Asset | undefined> {
  if (name === '') return { type: 'text/html', text: PAGE }
  if (name === 'icon.svg') return { type: 'image/svg+xml', text: ICON }
  if (name === 'page.css') return { type: 'text/css', text: STYLE }
  const library = Object.hasOwn(UPLOT, name) ? UPLOT[name] : undefined
  if (library !== undefined) {
    const text = await readFile(require.resolve(library), 'utf8')
    return { type: name.endsWith('.css') ? 'text/css' : JAVASCRIPT, text }
  }
  if (!/^[a-z][a-z-]*\.js$/.test(name)) return undefined
  const text = await readFile(join(SCRIPTS, name), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : { type: JAVASCRIPT, text }
}
