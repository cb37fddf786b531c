/** Names of the numbers of a row. */

/** x of three numbers as x1, x2, x3, the columns that a table of them has. */
export const numbered = (name: string, width: number): string[] =>
  width === 1 ? [name] : Array.from({ length: width }, (_, i) => `${name}${i + 1}`)
