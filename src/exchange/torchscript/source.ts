/** Writes a program as the methods of a TorchScript module. */
import { type Tensor, tensor } from '../../tensor/index.js'
import { dependingOn, neededBy, noForm, type Program, type Standardisation } from '../program.js'
import { FORMS, literal, type ScriptCall, type ScriptValue } from './operations.js'

/** A module: its methods, and the tensors they name that are no parameters. */
export interface Script {
  readonly methods: string
  readonly constants: Readonly<Record<string, Tensor>>
}

/** "0.weight" as an expression: names of modules may be numbers. */
const parameterText = (name: string): string =>
  name
    .split('.')
    .reduce((owner, part) => (/^\d/.test(part) ? `getattr(${owner}, "${part}")` : `${owner}.${part}`), 'self')

class Writer {
  readonly constants: Record<string, Tensor> = {}
  readonly #methods: string[] = []
  readonly #ofX: ReadonlySet<number>
  readonly #ofY: ReadonlySet<number>
  readonly #names = new Map<string, string>()

  constructor(
    readonly program: Program,
    readonly dtype: 'float32' | 'float64',
    readonly standardise: Standardisation | undefined,
  ) {
    this.#ofX = dependingOn(program, 'input')
    this.#ofY = dependingOn(program, 'condition')
  }

  get methods(): string {
    return `${this.#methods.join('\n')}\n`
  }

  add(signature: string, body: readonly string[]): void {
    this.#methods.push(`def ${signature} -> Tensor:`, ...body.map((line) => `    ${line}`))
  }

  /** Kept with the module: not in its state dict, and where x is. */
  #kept(key: string, make: () => Tensor): string {
    let name = this.#names.get(key)
    if (name === undefined) {
      name = `constant_${this.#names.size}`
      this.#names.set(key, name)
      this.constants[name] = make()
    }
    return name
  }

  /** In the dtype of x. */
  #constant(place: number): string {
    const { dtype, program } = this
    return `self.${this.#kept(`program ${place}`, () => program.constants[place]!.to(dtype))}.to(x)`
  }

  /** In float64, on the device of x. */
  #wide(values: readonly number[]): string {
    const name = this.#kept(`wide ${values}`, () => tensor([...values], [1, values.length], 'float64'))
    return `self.${name}.to(x.device)`
  }

  /** The lines that compute a node, and the text of its value for every row [n, width]. */
  compute(node: number): { lines: string[]; value: string } {
    const { program } = this
    const lines = this.#rows()
    for (const index of neededBy(program, [node])) {
      const { op } = program.nodes[index]!
      const form = FORMS[op]
      if (form === undefined) throw noForm('TorchScript', program, op)
      lines.push(`v${index} = ${form(this.#callOf(index))}`)
    }
    return { lines, value: `v${node}.expand([x.size(0), ${program.nodes[node]!.width}])` }
  }

  /** x flat and in the units of the network. */
  #rows(): string[] {
    const { input } = this.program
    const lines: string[] = []
    if (input.length > 1) lines.push(`x = x.reshape([x.size(0), ${input.reduce((n, size) => n * size, 1)}])`)
    if (this.standardise !== undefined) {
      const { mean, scale } = this.standardise
      lines.push(`x = ((x - ${this.#wide(mean)}) / ${this.#wide(scale)}).to(x.dtype)`)
    }
    return lines
  }

  #callOf(index: number): ScriptCall {
    const { program, dtype } = this
    const node = program.nodes[index]!
    const value = (input: number): ScriptValue => ({
      text: `v${input}`,
      width: program.nodes[input]!.width,
      perRow: this.#ofX.has(input) || this.#ofY.has(input),
    })
    return {
      node,
      inputs: node.inputs.map(value),
      parameters: node.parameters.map((place) => parameterText(program.parameters[place]!)),
      constants: node.constants.map((place) => this.#constant(place)),
      numbers: (values) =>
        `self.${this.#kept(`numbers ${values}`, () => tensor([...values], [1, values.length], dtype))}.to(x)`,
      indices: (values) =>
        `self.${this.#kept(`indices ${values}`, () => tensor([...values], [values.length], 'int64'))}.to(x.device)`,
    }
  }

  /** A method that gives E of every row, [n]. */
  energy(signature: string, node: number): void {
    const { lines, value } = this.compute(node)
    const shift = this.standardise?.logScale ?? 0
    const energies = `${value}.squeeze(1)`
    this.add(signature, [...lines, `return ${shift === 0 ? energies : `${energies} + ${literal(shift)}`}`])
  }

  /** A method that gives logits or outputs, [n, k]. */
  outputs(signature: string): void {
    const { lines, value } = this.compute(this.program.outputs)
    this.add(signature, [...lines, `return ${value}`])
  }
}

/**
 * forward(x) -> E [n], with y where the energy takes one, and logits(x) -> [n, k] where it has them; of a network forward(x) gives
 * its outputs. The caller disposes the constants.
 *
 * @throws ERR_LANGEVIN_UNSUPPORTED for an operation without a form in TorchScript
 */
export function scriptOf(
  program: Program,
  dtype: 'float32' | 'float64',
  standardise: Standardisation | undefined,
): Script {
  const writer = new Writer(program, dtype, standardise)
  try {
    const takesY = (node: number) => neededBy(program, [node]).some((n) => program.nodes[n]!.op === 'condition')
    const rows = (node: number) => `x: Tensor${takesY(node) ? ', y: Tensor' : ''}`
    if (program.energy < 0) {
      writer.outputs(`forward(self, ${rows(program.outputs)})`)
    } else if (program.jointEnergy >= 0) {
      writer.energy('energy_of_x(self, x: Tensor)', program.energy)
      writer.energy('energy_of_x_and_y(self, x: Tensor, y: Tensor)', program.jointEnergy)
      writer.add('forward(self, x: Tensor, y: Optional[Tensor] = None)', [
        'if y is None:',
        '    return self.energy_of_x(x)',
        'else:',
        '    return self.energy_of_x_and_y(x, y)',
      ])
    } else {
      writer.energy(`forward(self, ${rows(program.energy)})`, program.energy)
    }
    if (program.energy >= 0 && program.outputs >= 0) writer.outputs(`logits(self, ${rows(program.outputs)})`)
  } catch (error) {
    for (const each of Object.values(writer.constants)) each.dispose()
    throw error
  }
  return { methods: writer.methods, constants: writer.constants }
}
