/** Elements of the page: found by id, made, filled. Text is always text, never HTML. */

/** The element of an id. @throws where the page has none */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found as E
}

type Child = Node | string | null

/** A new element with attributes and children; null children are left out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children.filter((child) => child !== null))
  return made
}

/** Sets the text of an element where it has changed. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Fills an element anew where `key` says that its content has changed. */
export function fill(element: HTMLElement, key: string, make: () => Child[]): void {
  if (element.dataset.key === key) return
  element.dataset.key = key
  element.replaceChildren(...make().filter((child) => child !== null))
}

/** A table of texts: heads of columns, then rows that begin with their head. */
export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): HTMLElement[] {
  const cells = (row: readonly string[]) =>
    row.map((text, k) => (k === 0 ? el('th', { scope: 'row' }, text) : el('td', {}, text)))
  return [
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...cells(row)))),
  ]
}

/** Four significant digits; – where there is none. */
export const digits = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : String(Number(value.toPrecision(4)))

/** 90 s, 12 min, 3.5 h */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '…'
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
