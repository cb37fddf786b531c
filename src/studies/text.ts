/** Tables of a study on a terminal. */

/** Rows of cells under their heads, each column as wide as its widest cell. */
export function textColumns(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, k) => Math.max(title.length, ...body.map((cells) => cells[k]!.length)))
  return [head, ...body]
    .map((cells) =>
      cells
        .map((cell, k) => cell.padEnd(widths[k]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
