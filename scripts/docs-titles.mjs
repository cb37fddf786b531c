// A plugin of typedoc: a document of the site is called by its first heading, not by the name of its file, and grouped by its
// folder.
import { Converter } from 'typedoc'

const GROUPS = [
  [/\/docs\/guides\//, 'Guides'],
  [/\/docs\/reference\//, 'Reference'],
  [/\/docs\//, 'Pages'],
]

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const text = document.content.map(({ text }) => text).join('')
    const title = text.match(/^# (.+)$/m)?.[1]
    if (title !== undefined) document.name = title.replaceAll('`', '')
    const path = app.files.getReflectionPath(document) ?? ''
    document.frontmatter.group ??= GROUPS.find(([folder]) => folder.test(path))?.[1] ?? 'Pages'
  })
}
