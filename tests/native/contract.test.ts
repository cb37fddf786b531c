/** The contract between the package and its addon, both sides compared. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CONTRACT_NAMES, CONTRACT_VERSION, HANDLE } from '../../src/native/contract.js'
import { native } from '../../src/native/load.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Names the package calls, with the function that calls them: read from its sources, where they are literals. */
function called(): { name: string; caller: string; file: string }[] {
  const found: { name: string; caller: string; file: string }[] = []
  for (const entry of readdirSync(`${root}src`, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const file = `${entry.parentPath}/${entry.name}`
    const text = readFileSync(file, 'utf8')
    for (const [, caller, name] of text.matchAll(/\b(invokeNow|invoke|startRun)(?:<[^(]*?>)?\(\s*'([^']+)'/g)) {
      found.push({ name: name as string, caller: caller as string, file: file.slice(root.length) })
    }
  }
  return found
}

describe('the contract between the package and its addon', () => {
  it('names exactly what the addon exports', () => {
    expect(Object.keys(native()).sort()).toEqual([...CONTRACT_NAMES].sort())
  })

  it('has one version on both sides', () => {
    expect(native().contractVersion).toBe(CONTRACT_VERSION)
    const source = readFileSync(`${root}native/binding/addon.cc`, 'utf8')
    expect(/kContractVersion = (\d+)/.exec(source)?.[1]).toBe(String(CONTRACT_VERSION))
  })

  it('names each function once, in one of three lanes', () => {
    const table = native().functions()
    expect(new Set(table.map(({ name }) => name)).size).toBe(table.length)
    for (const { lane } of table) expect(['immediate', 'short', 'queued']).toContain(lane)
  })

  it('has every function the package calls, in the lane it calls it by', () => {
    const lanes = new Map(
      native()
        .functions()
        .map(({ name, lane }) => [name, lane]),
    )
    const uses = called()
    // The search itself must find the calls that are surely there.
    expect(uses.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['energy.create', 'tensor.to', 'train', 'sample']),
    )
    for (const { name, caller, file } of uses) {
      expect(lanes.has(name), `${file} calls '${name}', which the core does not have`).toBe(true)
      if (caller === 'invokeNow')
        expect(lanes.get(name), `${file} calls '${name}' on the JavaScript thread`).toBe('immediate')
    }
  })

  it('finds handles under one symbol', () => {
    expect(HANDLE).toBe(Symbol.for('langevin.handle'))
  })
})
