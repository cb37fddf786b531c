/** Random numbers for tests that count: a generator whose numbers pass as independent, repeatable by its seed. */

/** Uniform numbers in (0, 1): splitmix32. */
export function uniforms(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let word = state
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return (((word ^ (word >>> 15)) >>> 0) + 0.5) / 2 ** 32
  }
}

/** Standard normal numbers, by Box and Muller. */
export function normals(seed: number): () => number {
  const next = uniforms(seed)
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
}
