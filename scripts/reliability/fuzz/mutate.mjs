// Damages bytes: what a broken disk, a half download and a clever stranger do to a file that was right.

const INTERESTING = [0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
const WIDE = [0n, 1n, 0x7fffffffn, 0xffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn, 1n << 53n, 1n << 40n]
const TEXTS = [
  '__proto__',
  'constructor',
  'NaN',
  '-1',
  '1e999',
  '../../etc/passwd',
  '\u0000',
  '"',
  "'",
  '[',
  '{',
  '}',
  ',',
  '\n',
  ';',
  '\ufffd',
  '9007199254740993',
  'null',
  '[[[[[[[[',
]

const below = (random, n) => Math.floor(random() * n)
const spliced = (bytes, from, to, insert) => Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(to)])

const WAYS = [
  // One bit.
  (bytes, random) => {
    bytes[below(random, bytes.length)] ^= 1 << below(random, 8)
    return bytes
  },
  // One byte.
  (bytes, random) => {
    bytes[below(random, bytes.length)] = below(random, 256)
    return bytes
  },
  // A number of 1, 2, 4 or 8 bytes that readers compute with.
  (bytes, random) => {
    const value = INTERESTING[below(random, INTERESTING.length)]
    const at = below(random, bytes.length)
    const left = bytes.length - at
    const [little, way] = [random() < 0.5, below(random, 4)]
    if (way === 0 || left < 2) bytes[at] = value & 255
    else if (way === 1 || left < 4)
      little ? bytes.writeUInt16LE(value & 0xffff, at) : bytes.writeUInt16BE(value & 0xffff, at)
    else if (way === 2 || left < 8) little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
    else
      little
        ? bytes.writeBigUInt64LE(WIDE[below(random, WIDE.length)], at)
        : bytes.writeBigUInt64BE(WIDE[below(random, WIDE.length)], at)
    return bytes
  },
  // Cut off.
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  // A part is gone.
  (bytes, random) => {
    const from = below(random, bytes.length)
    return spliced(bytes, from, Math.min(bytes.length, from + 1 + below(random, 32)), Buffer.alloc(0))
  },
  // A part comes twice, or many times.
  (bytes, random) => {
    const from = below(random, bytes.length)
    const part = bytes.subarray(from, from + 1 + below(random, 24))
    const times = random() < 0.1 ? below(random, 200) : 1
    return spliced(bytes, from, from, Buffer.concat(Array.from({ length: times }, () => part)))
  },
  // Random bytes.
  (bytes, random) => {
    const at = below(random, bytes.length + 1)
    return spliced(bytes, at, at, Buffer.from(Array.from({ length: 1 + below(random, 8) }, () => below(random, 256))))
  },
  // A text that means something to a parser.
  (bytes, random) => {
    const at = below(random, bytes.length + 1)
    return spliced(
      bytes,
      at,
      random() < 0.5 ? at : Math.min(bytes.length, at + 8),
      Buffer.from(TEXTS[below(random, TEXTS.length)]),
    )
  },
  // A decimal digit becomes another: sizes, offsets and versions in texts.
  (bytes, random) => {
    const digits = []
    for (let i = 0; i < bytes.length && digits.length < 400; i++) if (bytes[i] >= 48 && bytes[i] <= 57) digits.push(i)
    if (digits.length === 0) return bytes
    bytes[digits[below(random, digits.length)]] = 48 + below(random, 10)
    return bytes
  },
]

/**
 * A damaged copy: one to four changes, seldom more.
 *
 * @param {Buffer} seed
 * @param {() => number} random
 */
export function mutated(seed, random) {
  let bytes = Buffer.from(seed)
  const changes = random() < 0.05 ? 16 : 1 + below(random, 4)
  for (let k = 0; k < changes && bytes.length > 0; k++) bytes = WAYS[below(random, WAYS.length)](bytes, random)
  return bytes
}

/** A damaged copy of a value of JSON: members removed, renamed, replaced, doubled. */
export function mutatedJson(value, random, depth = 0) {
  if (random() < 0.12) return oddJson(random)
  if (depth > 20 || typeof value !== 'object' || value === null) return random() < 0.1 ? oddJson(random) : value
  if (Array.isArray(value)) {
    const list = value.map((each) => mutatedJson(each, random, depth + 1))
    if (list.length > 0 && random() < 0.1) list.splice(below(random, list.length), 1)
    if (random() < 0.1) list.push(oddJson(random))
    return list
  }
  const entries = Object.entries(value).map(([key, member]) => [
    random() < 0.04 ? KEYS[below(random, KEYS.length)] : key,
    mutatedJson(member, random, depth + 1),
  ])
  if (entries.length > 0 && random() < 0.1) entries.splice(below(random, entries.length), 1)
  if (random() < 0.08) entries.push([KEYS[below(random, KEYS.length)], oddJson(random)])
  return Object.fromEntries(entries)
}

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'then',
  'kind',
  'length',
  '',
  '0',
  'shape',
]
const ODD = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  -0,
  1e308,
  1e-320,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  '',
  'x',
  'float32',
  '\ud800',
  'NaN',
  '__proto__',
  [],
  {},
  [[]],
  [null],
  { toString: 1, valueOf: 1 },
  { toString: null },
  JSON.parse('{"then": 1}'),
  { length: 5 },
  { length: -1 },
  { constructor: { prototype: { polluted: true } } },
]

/** A value that nobody expects there. Each time a new one: what is given may be changed by who takes it. */
export function oddJson(random) {
  const value = random() < 0.9 ? ODD[below(random, ODD.length)] : JSON.parse('{"__proto__":{"polluted":true}}')
  return typeof value === 'object' && value !== null ? JSON.parse(JSON.stringify(value)) : value
}
