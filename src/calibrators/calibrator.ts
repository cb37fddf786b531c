/** A fitted calibrator: logits in, probabilities out; in a file of its own or with its model. */
import type { Energy } from '../energy.js'
import { formatError } from '../io/files.js'
import { writeSafetensors } from '../io/safetensors.js'
import { readTensors } from '../io/tensors.js'
import { type InvokeOptions, invoke } from '../runtime/index.js'
import { parseSpec, requireOptions, type SpecValue } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'
import { networkMetadata, STATE_PREFIX } from '../weights.js'
import './factories.js'

/** Where a file says what the calibrator is; its tensors stand below the prefix, which `Energy.load` skips. */
const CALIBRATOR_KEY = 'langevin.calibrator'
const PREFIX = `${STATE_PREFIX}calibrator/`

/** Calls `body` with the rows as tensors, and frees those that were made for it. */
async function withTensors<T>(
  given: Record<string, RowsLike>,
  body: (tensors: Record<string, Tensor>) => Promise<T>,
): Promise<T> {
  const made: Tensor[] = []
  const tensors: Record<string, Tensor> = {}
  try {
    for (const [name, value] of Object.entries(given)) {
      const rows = toRows(value, name)
      if (rows !== value) made.push(rows)
      tensors[name] = rows
    }
    return await body(tensors)
  } finally {
    for (const each of made) each.dispose()
  }
}

const classesOf = ({ shape }: Tensor) => (shape.length < 2 || shape[1] === 1 ? 2 : shape[1]!)

/**
 * A map of a classifier's logits to probabilities, fitted to rows with labels that the classifier was not trained on. It holds a
 * few numbers in native memory, which go with it.
 */
export class Calibrator {
  /** The plain frozen JSON it was fitted from. */
  readonly spec: SpecValue<'calibrator'>
  /** How many classes it knows. */
  readonly classes: number
  readonly #state: Record<string, Tensor>

  private constructor(spec: SpecValue<'calibrator'>, classes: number, state: Record<string, Tensor>) {
    this.spec = spec
    this.classes = classes
    this.#state = state
  }

  /**
   * Fits a calibrator.
   *
   * @param spec from `calibrators.*`
   * @param logits [n, k], or [n]: log odds of class 1 of two
   * @param labels class numbers [n]
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (rows from which it cannot be found, with the reason), _SHAPE, _NON_FINITE
   */
  static async fit(
    spec: SpecValue<'calibrator'>,
    logits: RowsLike,
    labels: RowsLike,
    options: InvokeOptions = {},
  ): Promise<Calibrator> {
    const { signal } = requireOptions('Calibrator.fit', options, ['signal'])
    const calibrator = parseSpec('calibrator', spec)
    return withTensors({ logits, labels }, async (tensors) => {
      const state = await invoke<Record<string, Tensor>>('calibrator.fit', { calibrator, ...tensors }, { signal })
      return new Calibrator(calibrator, classesOf(tensors.logits!), state)
    })
  }

  /**
   * Calibrated probabilities of logits of the same classifier.
   *
   * @param logits [n, k], or [n]: log odds of class 1 of two
   * @returns float64 [n, k]
   * @throws (rejects) ERR_LANGEVIN_SHAPE, _NON_FINITE
   */
  async probabilities(logits: RowsLike, options: InvokeOptions = {}): Promise<Tensor<'float64', 2>> {
    const { signal } = requireOptions('Calibrator.probabilities', options, ['signal'])
    const { spec: calibrator, classes } = this
    return withTensors({ logits }, (tensors) =>
      invoke('calibrator.apply', { calibrator, classes, state: this.#state, ...tensors }, { signal }),
    )
  }

  /** What was fitted, by name: { temperature }, { a, b }, { weight, bias } or { x, y, counts }. */
  get parameters(): Record<string, number[]> {
    return Object.fromEntries(
      Object.entries(this.#state).map(([name, t]) => [name, Array.from(t.toTypedArray() as ArrayLike<number>, Number)]),
    )
  }

  /**
   * Writes it as safetensors. With `model`, the classifier it belongs to, the file is that of the model with the calibrator inside:
   * `Energy.load` reads the one and `Calibrator.load` the other. The file appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO
   */
  async save(path: string, options: InvokeOptions & { model?: Energy } = {}): Promise<void> {
    const { signal, model } = requireOptions('Calibrator.save', options, ['signal', 'model'])
    const described = JSON.stringify({ calibrator: this.spec, classes: this.classes })
    const parameters = model === undefined ? {} : await model.parameters({ signal })
    const state = Object.entries(this.#state).map(([name, value]) => [PREFIX + name, value])
    try {
      await writeSafetensors(
        path,
        { ...parameters, ...Object.fromEntries(state) },
        {
          ...(model !== undefined && networkMetadata(model)),
          [CALIBRATOR_KEY]: described,
        },
      )
    } finally {
      for (const each of Object.values(parameters)) each.dispose()
    }
  }

  /**
   * Reads one that `save` wrote, alone or with its model.
   *
   * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (a file without a calibrator, or one that is damaged)
   */
  static async load(path: string): Promise<Calibrator> {
    const { tensors, metadata } = await readTensors(path)
    const state: Record<string, Tensor> = {}
    for (const [name, value] of tensors) {
      if (name.startsWith(PREFIX)) state[name.slice(PREFIX.length)] = value
      else value.dispose()
    }
    const text = metadata[CALIBRATOR_KEY]
    if (text === undefined)
      throw formatError(path, undefined, 'the file holds no calibrator: Calibrator.save writes one')
    try {
      const { calibrator, classes } = JSON.parse(text) as { calibrator: unknown; classes: number }
      const found = new Calibrator(parseSpec('calibrator', calibrator), classes, state)
      // One row says whether the numbers fit.
      ;(await found.probabilities([new Array(classes).fill(0)])).dispose()
      return found
    } catch (cause) {
      for (const each of Object.values(state)) each.dispose()
      throw formatError(path, undefined, `its calibrator cannot be read: ${(cause as Error).message}`, cause)
    }
  }
}
