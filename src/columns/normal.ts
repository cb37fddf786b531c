/** The standard normal law: its distribution function and the inverse, in double precision. */

const polynomial = (x: number, coefficients: readonly number[]) => {
  let sum = 0
  for (const c of coefficients) sum = sum * x + c
  return sum
}

const UPPER = [
  0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
  220.206867912376,
]
const LOWER = [
  0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
  793.826512519948, 440.413735824752,
]

/** Phi(x), to 1e-14 (Hart 1968, algorithm 5666, as given by West 2005). */
export function normalCdf(x: number): number {
  const a = Math.abs(x)
  let tail = 0
  if (a < 7.07106781186547) tail = (Math.exp((-a * a) / 2) * polynomial(a, UPPER)) / polynomial(a, LOWER)
  else if (a < 38) {
    const fraction = a + 1 / (a + 2 / (a + 3 / (a + 4 / (a + 0.65))))
    tail = Math.exp((-a * a) / 2) / fraction / Math.sqrt(2 * Math.PI)
  }
  return x > 0 ? 1 - tail : tail
}

// Coefficients of the highest power first.
const CENTRE = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
    133.14166789178438, 3.3871328727963665,
  ],
  [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
    42.31333070160091, 1,
  ],
] as const
const SIDE = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
] as const
const FAR = [
  [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
    1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133, 0.014875361290850615,
    0.1369298809227358, 0.599832206555888, 1,
  ],
] as const

/** The x of Phi(x) = p, 0 < p < 1, to 1e-15 relative (Wichura 1988, algorithm AS 241, PPND16). */
export function normalQuantile(p: number): number {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    return (q * polynomial(r, CENTRE[0])) / polynomial(r, CENTRE[1])
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p))
  const [[above, below], x] = r <= 5 ? [SIDE, r - 1.6] : [FAR, r - 5]
  const value = polynomial(x, above) / polynomial(x, below)
  return q < 0 ? -value : value
}
