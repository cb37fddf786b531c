// Reads what ptxas and the disassembler say about the CUDA kernels, and judges it.

/** Limits of one block: registers x threads, and what a kernel may ask for itself. */
export const LIMITS = {
  // sinf and cosf keep the words of a product there where an angle is beyond +-8192; no tile of usual angles comes by.
  stack: 32,
  registers: 255,
  threads: 256,
  registersOfBlock: 65536,
  staticShared: 48 * 1024,
}

/** 'langevinTiles' from '_ZN8langevin4cuda...13langevinTilesENS0_6LaunchE'. @param {string} mangled */
export function kernelName(mangled) {
  // A name is its length and so many letters; the last one before the parameters that starts as ours do.
  const found = [...mangled.matchAll(/(\d+)(langevin[A-Z]\w*)/g)].map(([, digits, rest]) => {
    for (let from = 0; from < digits.length; from++) {
      const length = Number(digits.slice(from))
      if (length <= rest.length && length > 8) return rest.slice(0, length)
    }
    return undefined
  })
  return found.filter(Boolean).at(-1) ?? mangled
}

/** ptxas -v: one entry per kernel. @param {string} text */
export function readPtxas(text) {
  const kernels = []
  let current
  for (const line of text.split('\n')) {
    const entry = /Compiling entry function '([^']+)' for '([^']+)'/.exec(line)
    if (entry) {
      current = {
        mangled: entry[1],
        kernel: kernelName(entry[1]),
        stack: NaN,
        spillStores: NaN,
        spillLoads: NaN,
        registers: NaN,
        shared: 0,
      }
      kernels.push(current)
    }
    if (!current) continue
    const spills = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line)
    if (spills) [current.stack, current.spillStores, current.spillLoads] = spills.slice(1).map(Number)
    const used = /Used (\d+) registers/.exec(line)
    if (used) current.registers = Number(used[1])
    const shared = /(\d+) bytes smem/.exec(line)
    if (shared) current.shared = Number(shared[1])
  }
  return kernels
}

/**
 * Memory instructions of each kernel in SASS: 128-bit loads from shared and global memory, 128-bit copies from global to
 * shared memory, and traffic with local memory (spills).
 *
 * @param {string} sass
 * @returns {Record<string, { shared: number, global: number, copies: number, local: number }>}
 */
export function loadsOf(sass) {
  const result = {}
  let current
  for (const line of sass.split('\n')) {
    const section = /^\s*\.section\s+\.text\.([\w$]+)/.exec(line) ?? /^\s*Function : ([\w$]+)/.exec(line)
    if (section) {
      current = { shared: 0, global: 0, copies: 0, local: 0 }
      result[section[1]] = current
    }
    if (!current) continue
    if (/\bLDS\.128\b/.test(line)) current.shared++
    if (/\bLDG\.E(\.\w+)*\.128\b/.test(line)) current.global++
    if (/\bLDGSTS\.E(\.\w+)*\.128\b/.test(line)) current.copies++
    if (/\b(LDL|STL)\b/.test(line)) current.local++
  }
  return result
}

/**
 * What is wrong, in words; empty when nothing is.
 *
 * @param {Array<ReturnType<typeof readPtxas>[number] & { file: string, arch: string, loads?: object }>} rows
 * @param {{ expected: string[] }} options
 */
export function judge(rows, { expected }) {
  const problems = []
  for (const arch of expected) {
    if (!rows.some((row) => row.arch === arch && row.kernel === 'langevinTiles'))
      problems.push(`${arch}: the kernel langevinTiles was not found`)
  }
  for (const row of rows) {
    const where = `${row.kernel} on ${row.arch}`
    // Written so that a number that was not found (NaN) fails.
    if (!(row.spillStores === 0 && row.spillLoads === 0))
      problems.push(`${where}: spills ${row.spillStores} bytes out and ${row.spillLoads} in`)
    if (!(row.stack <= LIMITS.stack)) problems.push(`${where}: a stack frame of ${row.stack} bytes`)
    if (!(row.registers <= LIMITS.registers && row.registers * LIMITS.threads <= LIMITS.registersOfBlock))
      problems.push(`${where}: ${row.registers} registers are too many for ${LIMITS.threads} threads`)
    if (!(row.shared <= LIMITS.staticShared)) problems.push(`${where}: ${row.shared} bytes of static shared memory`)
    if (row.loads === undefined || row.kernel !== 'langevinTiles') continue
    if (row.loads.shared === 0) problems.push(`${where}: no 128-bit load from shared memory`)
    if (row.loads.copies + row.loads.global === 0) problems.push(`${where}: no 128-bit load from global memory`)
    if (row.loads.local > 0 && row.stack === 0) problems.push(`${where}: ${row.loads.local} accesses to local memory`)
  }
  return problems
}

/** @param {Parameters<typeof judge>[0]} rows */
export function table(rows) {
  const head = ['kernel', 'device', 'registers', 'stack', 'spills', 'LDS.128', 'LDGSTS.128', 'local']
  const lines = rows.map((row) => [
    row.kernel,
    row.arch,
    row.registers,
    row.stack,
    `${row.spillStores}/${row.spillLoads}`,
    row.loads?.shared ?? '-',
    row.loads?.copies ?? '-',
    row.loads?.local ?? '-',
  ])
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
