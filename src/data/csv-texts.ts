/** Texts of cells from bytes: a text that came before is the same string again. */

/** Texts that are remembered: categories, not identifiers. */
const MOST = 1 << 12
const LONGEST = 64
const SLOTS = MOST * 4

export class Texts {
  /** Number of a text + 1 by hash; 0 where there is none. */
  readonly #slots = new Uint16Array(SLOTS)
  readonly #texts: string[] = []
  readonly #starts = new Int32Array(MOST + 1)
  #bytes = Buffer.allocUnsafe(1 << 12)

  /** The text of bytes[from, to). */
  of(bytes: Buffer, from: number, to: number): string {
    const length = to - from
    if (length === 0) return ''
    if (length > LONGEST) return bytes.toString('utf8', from, to)
    // FNV-1a.
    let hash = 0x811c9dc5
    let high = 0
    for (let i = from; i < to; i++) {
      const c = bytes[i]!
      high |= c
      hash = Math.imul(hash ^ c, 0x01000193)
    }
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    for (let known = this.#slots[slot]!; known !== 0; known = this.#slots[slot]!) {
      if (this.#is(known - 1, bytes, from, length)) return this.#texts[known - 1]!
      slot = (slot + 1) & (SLOTS - 1)
    }
    const text = high < 128 ? bytes.toString('latin1', from, to) : bytes.toString('utf8', from, to)
    if (this.#texts.length < MOST) this.#remember(slot, text, bytes, from, to)
    return text
  }

  #is(number: number, bytes: Buffer, from: number, length: number): boolean {
    const start = this.#starts[number]!
    if (this.#starts[number + 1]! - start !== length) return false
    const own = this.#bytes
    for (let i = 0; i < length; i++) if (own[start + i] !== bytes[from + i]) return false
    return true
  }

  #remember(slot: number, text: string, bytes: Buffer, from: number, to: number): void {
    const number = this.#texts.length
    const start = this.#starts[number]!
    const end = start + to - from
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * end)
      this.#bytes.copy(larger, 0, 0, start)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, start, from, to)
    this.#starts[number + 1] = end
    this.#texts.push(text)
    this.#slots[slot] = number + 1
  }
}
