/** Texts as categories: codes into the sorted list of different texts. */
import { tensor } from '../tensor/index.js'
import type { Column } from './dataset.js'

/** A column of texts in row-major order; `shape` is [n] unless given. Categories are sorted as JavaScript sorts texts. */
export function textColumn(texts: readonly string[], shape: readonly number[] = [texts.length]): Column {
  const categories = [...new Set(texts)].sort()
  const code = new Map(categories.map((category, i) => [category, BigInt(i)]))
  const codes = BigInt64Array.from(texts, (text) => code.get(text)!)
  return { values: tensor(codes, shape, 'int64'), categories }
}
