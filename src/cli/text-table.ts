/** Tables on a terminal: columns as wide as their cells. */

/** Rows of cells under their heads; columns of numbers are aligned right. */
export function textTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, k) => Math.max(head.length, ...rows.map((row) => row[k]!.length)))
  const right = heads.map((_, k) => rows.every((row) => /^[-–\d.,%e+ ]*$/.test(row[k]!)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, k) => (right[k] ? cell.padStart(widths[k]!) : cell.padEnd(widths[k]!)))
      .join('  ')
      .trimEnd()
  return [heads, ...rows].map(line).join('\n')
}

/** 1.5 MB */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
