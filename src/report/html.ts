/** Self-contained HTML: one file, no network, readable without JavaScript, light and dark. */

export type Html = { readonly html: string }

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => entities[c]!)
}

export function raw(html: string): Html {
  return { html }
}

function render(value: unknown): string {
  if (value === null || value === undefined || value === false) return ''
  if (Array.isArray(value)) return value.map(render).join('')
  if (typeof value === 'object' && 'html' in value) return String((value as Html).html)
  return escapeHtml(String(value))
}

/** Template tag: interpolated text is escaped, `Html` and lists of it are not. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  return raw(strings.reduce((out, s, i) => out + s + (i < values.length ? render(values[i]) : ''), ''))
}

export interface Column<Row> {
  title: string
  /** Text of the cell; numbers are aligned right. */
  value: (row: Row) => string | number | Html
  /** Explains the column; shown as a tooltip and in the legend under the table. */
  help?: string
}

export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  highlight?: (row: Row) => boolean,
): Html {
  const head = columns.map((c) => html`<th scope="col" title="${c.help ?? ''}">${c.title}</th>`)
  const body = rows.map((row) => {
    const cells = columns.map((c, i) =>
      i === 0 ? html`<th scope="row">${c.value(row)}</th>` : html`<td>${c.value(row)}</td>`,
    )
    return html`<tr class="${highlight?.(row) ? 'mark' : ''}">${cells}</tr>`
  })
  const notes = columns.filter((c) => c.help).map((c) => html`<dt>${c.title}</dt><dd>${c.help}</dd>`)
  return html`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>${
    notes.length > 0 ? html`<details><summary>What the columns mean</summary><dl>${notes}</dl></details>` : null
  }`
}

const style = `
:root{color-scheme:light dark;--ink:#1b2430;--quiet:#5b6778;--line:#d9dfe7;--paper:#fff;--tint:#f4f6f9;--accent:#0b6e75;--reference:#b4502f;--other:#6b7787}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9f0;--quiet:#9aa7b8;--line:#334050;--paper:#141a22;--tint:#1c242e;--accent:#4fc3c7;--reference:#f0936a;--other:#9aa7b8}
svg image{filter:brightness(.82)}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,sans-serif}
main{max-width:1500px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:28px;margin:0 0 4px}h2{font-size:20px;margin:44px 0 8px}h3{font-size:16px;margin:26px 0 6px}
p,ul,dl{max-width:82ch}.quiet{color:var(--quiet)}a{color:var(--accent)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13.5px}
th,td{padding:4px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th[scope=row],thead th:first-child{text-align:left;font-weight:600}
thead th{background:var(--tint);position:sticky;top:0}tr.mark{background:var(--tint)}
/* The shadow at an edge says that the table goes on behind it; it is covered where it does not. */
.scroll{overflow-x:auto;max-width:100%;background:linear-gradient(90deg,var(--paper) 40%,transparent) left/32px 100% no-repeat local,linear-gradient(270deg,var(--paper) 40%,transparent) right/32px 100% no-repeat local,linear-gradient(90deg,#0003,transparent) left/12px 100% no-repeat scroll,linear-gradient(270deg,#0003,transparent) right/12px 100% no-repeat scroll}
details{margin:6px 0 18px}summary{cursor:pointer;color:var(--accent)}
dt{font-weight:600}dd{margin:0 0 6px 18px;color:var(--quiet)}
figure{margin:14px 0;max-width:100%;overflow-x:auto}figcaption{color:var(--quiet);max-width:90ch;font-size:14px}
code{background:var(--tint);padding:1px 5px;border-radius:4px;font-size:13px}
h4{font-size:14px;margin:16px 0 4px}.pair{display:flex;flex-wrap:wrap;gap:8px 40px;align-items:flex-start}.pair>*{min-width:0;max-width:100%}
.summary{border-left:4px solid var(--accent);background:var(--tint);padding:8px 16px;margin:14px 0;max-width:90ch}.summary dd{color:var(--ink)}.summary dd:last-child{margin-bottom:0}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;padding:0;margin:10px 0;max-width:none}
td.text{text-align:left;white-space:normal;max-width:90ch}
.findings{padding-left:0;list-style:none;max-width:90ch}.findings li{border-left:4px solid #c8692b;padding:6px 14px;margin:8px 0;background:var(--tint)}
.findings li.error{border-color:#b3261e}
svg{font:12px system-ui,sans-serif}svg text:not([fill]){fill:currentColor}
@media(max-width:700px){main{padding:18px 14px 48px}svg.wide{min-width:var(--least)}}
@media print{:root{--ink:#000;--paper:#fff;--tint:#f4f6f9;--line:#ccc}main{max-width:none;padding:0}nav,summary{display:none}.scroll,figure{overflow:visible;background:none}
table{font-size:7.5px}th,td{padding:2px 4px}thead th{position:static;white-space:normal}figure,tr,.findings li{break-inside:avoid}h2,h3,h4{break-after:avoid}svg{max-width:100%}}
`

/** What a reader wants first. */
export interface Summary {
  question: Html | string
  answer: Html | string
  /** How to read the pictures below. */
  reading: Html | string
}

export interface Page {
  title: string
  lead: Html | string
  summary?: Summary | undefined
  body: Html[]
  /** Shown in the footer: how to make this page again. */
  command: string
  made: string
}

/** Pages with fewer sections need no list of them. */
const LISTED = 4

/** Gives every section heading an id, and the list of them. */
function withContents(body: string): { body: string; contents: Html | null } {
  const titles: string[] = []
  const marked = body.replace(/<(h[23])>(.*?)<\/\1>/gs, (_, tag: string, title: string) => {
    titles.push(title.replace(/<[^>]*>/g, ''))
    return `<${tag} id="s${titles.length}">${title}</${tag}>`
  })
  if (titles.length < LISTED) return { body: marked, contents: null }
  const items = titles.map((title, i) => html`<li><a href="#s${i + 1}">${raw(title)}</a></li>`)
  return { body: marked, contents: html`<nav aria-label="Contents"><ul>${items}</ul></nav>` }
}

function summaryBox({ question, answer, reading }: Summary): Html {
  return html`<dl class="summary"><dt>Question</dt><dd>${question}</dd><dt>Answer</dt><dd>${answer}</dd>
<dt>How to read this page</dt><dd>${reading}</dd></dl>`
}

export function page(p: Page): string {
  const { body, contents } = withContents(render(p.body))
  const content = html`<main><h1>${p.title}</h1><p>${p.lead}</p>${p.summary && summaryBox(p.summary)}${contents}${raw(body)}
<p class="quiet">Made ${p.made} by <code>${p.command}</code></p></main>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(p.title)}</title><style>${style}</style></head><body>${content.html}</body></html>
`
}
