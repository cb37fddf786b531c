import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Expr } from '../../src/energies/expr/expr.js'
import * as functions from '../../src/energies/expr/functions.js'
import { Energy, energies, objectives } from '../../src/index.js'
import { ACTIVATION_TRAITS, ACTIVATIONS, type ActivationName, hasSlope } from '../../src/networks/activations.js'
import { invokeNow } from '../../src/runtime/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const LIST = 'src/networks/activations.ts'
const read = (path: string) => readFileSync(root + path, 'utf8')

/** Where an activation has its own mathematics, and what stands there. `F` is its name in the kernels. */
const PLACES: readonly { file: string; holds: (name: string, F: string) => string; only?: 'smooth' | 'rough' }[] = [
  { file: 'native/core/kernels/tile_kernels.hpp', holds: (_, F) => `  ${F},` },
  { file: 'native/core/kernels/isa/functions.hpp', holds: (_, F) => `struct ${F} {`, only: 'rough' },
  { file: 'native/core/kernels/isa/functions_float.hpp', holds: (_, F) => `struct ${F} {`, only: 'smooth' },
  { file: 'native/core/kernels/isa/functions_double.hpp', holds: (_, F) => `struct ${F} {`, only: 'smooth' },
  { file: 'native/core/kernels/isa/activate.hpp', holds: (_, F) => `case Unary::${F}:` },
  { file: 'native/core/kernels/isa/activate.hpp', holds: (_, F) => `bendAll<${F}>`, only: 'smooth' },
  { file: 'native/core/kernels/isa/jets.hpp', holds: (_, F) => `struct ${F}Jet {`, only: 'smooth' },
  { file: 'native/core/kernels/isa/jet_kernels.cpp', holds: (_, F) => `case Unary::${F}:`, only: 'smooth' },
  { file: 'native/core/gradients/score_chain_tensors.cpp', holds: (_, F) => `{Unary::${F}, `, only: 'smooth' },
  { file: 'native/core/executors/cuda/functions.hpp', holds: (_, F) => `case Unary::${F}:` },
  { file: 'scripts/reference/formulas.py', holds: (name) => `"${name}": nn.` },
  { file: 'scripts/golden/cases/energies.mjs', holds: (name) => `'${name}'` },
]

describe('an activation is known once per layer', () => {
  test('the core has the same ones, smooth alike', () => {
    const core = invokeNow<{ name: string; smooth: boolean }[]>('network.activations', {})
    const here = ACTIVATIONS.map((name) => ({
      name: name as string,
      smooth: ACTIVATION_TRAITS[name].smooth as boolean,
    }))
    for (const { name } of here)
      expect(
        core.map((row) => row.name),
        `add rows '${name}' to native/core/program/op_traits.cpp and ops_activations.cpp`,
      ).toContain(name)
    for (const { name } of core)
      expect(
        here.map((row) => row.name),
        `add a row '${name}' to ${LIST}`,
      ).toContain(name)
    expect(core).toEqual(here)
  })

  test.each(ACTIVATIONS)('%s has kernels, derivatives, a CUDA form, a PyTorch reference and a golden run', (name) => {
    const F = name[0]!.toUpperCase() + name.slice(1)
    for (const { file, holds, only } of PLACES) {
      if (only && (only === 'smooth') !== ACTIVATION_TRAITS[name].smooth) continue
      const needed = holds(name, F)
      expect(read(file).includes(needed), `'${name}' of ${LIST} is missing in ${file}: add '${needed}'`).toBe(true)
    }
  })

  // With a slope they are nodes of a spec alone.
  test.each(ACTIVATIONS.filter((name) => !hasSlope(name)))('%s is a method and a function of expressions', (name) => {
    expect(name in Expr.prototype, `add ${name}() to src/energies/expr/expr.ts`).toBe(true)
    expect(name in functions, `add ${name} to src/energies/expr/functions.ts`).toBe(true)
  })

  const explained = async (activation: ActivationName) => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [8], activation }), { seed: 1 })
    return model.explain()
  }
  test.each(ACTIVATIONS)('%s runs fused, with second derivatives where it is smooth', async (name) => {
    const { executor, nonSmooth, scoreGradients } = await explained(name)
    expect(executor, `'${name}' has no tile form`).toBe('fused-cpu')
    const smooth = ACTIVATION_TRAITS[name].smooth
    expect(nonSmooth).toEqual(smooth ? [] : [name])
    expect(scoreGradients.executor, `'${name}' has no second form`).toBe(smooth ? 'fused-cpu' : 'autograd')
  })

  test('smooth ones are offered to a critic, others are not', () => {
    for (const name of ACTIVATIONS) {
      const make = () => objectives.learnedSteinDiscrepancy({ critic: { activation: name as 'silu' } })
      if (ACTIVATION_TRAITS[name].smooth) expect(make).not.toThrow()
      else expect(make).toThrow(/critic\.activation/)
    }
  })
})
