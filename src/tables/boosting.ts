/** Gradient boosting by scikit-learn, in a Python of the user: the outside judge of synthetic tables. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { homeDirectory } from '../../scripts/setup/paths.mjs'
import { LangevinError } from '../errors.js'
import { packageRoot } from '../native/load.js'
import type { Features } from './features.js'

/**
 * HistGradientBoosting with early stopping on a tenth of the rows it learns from. In: a line of JSON, then for each table that is learned
 * from and for the one that is asked x and y as float64, row by row. Out: a line of JSON, then the answers as float64.
 */
const SCRIPT = `
import json, sys
try:
    import numpy as np
    import sklearn
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit(0)
source = sys.stdin.buffer
request = json.loads(source.readline())
levels, classes = np.array(request["levels"]), request["classes"]
def numbers(*shape):
    return np.frombuffer(source.read(8 * int(np.prod(shape))), dtype="<f8").reshape(shape)
def table(rows):
    return numbers(rows, len(levels)), numbers(rows)
learned = [table(rows) for rows in request["learned"]]
asked, _ = table(request["asked"])
# More levels than its 255 bins are taken as numbers.
how = dict(max_iter=500, learning_rate=0.06, early_stopping=True, validation_fraction=0.1, n_iter_no_change=20,
           random_state=request["seed"], categorical_features=(levels > 0) & (levels <= 255))
answers = []
for x, y in learned:
    if classes == 0:
        answers.append(HistGradientBoostingRegressor(**how).fit(x, y).predict(asked))
        continue
    found = np.zeros((len(asked), classes))
    seen, counts = np.unique(y.astype(int), return_counts=True)
    if len(seen) == 1:
        found[:, seen[0]] = 1
    else:
        # Every class is split for early stopping, which takes two rows of each.
        kept = np.isin(y.astype(int), seen[counts > 1])
        model = HistGradientBoostingClassifier(**how).fit(x[kept], y[kept].astype(int))
        found[:, model.classes_] = model.predict_proba(asked)
    answers.append(found)
print(json.dumps({"version": sklearn.__version__}), flush=True)
for answer in answers:
    sys.stdout.buffer.write(np.ascontiguousarray(answer, dtype="<f8").tobytes())
`

export interface Boosted {
  /** For every learned table the answers: [asked rows][classes], or one number a row. */
  readonly answers: readonly Float64Array[]
  readonly version: string
}

/** Pythons that are asked for scikit-learn, in this order. */
function pythons(python: string | undefined): string[] {
  if (python !== undefined) return [python]
  const own = join(homeDirectory(packageRoot()), 'venv', 'bin', 'python')
  return [...(existsSync(own) ? [own] : []), 'python3']
}

/** What a Python says to a request; undefined where there is no such program. */
function ask(
  python: string,
  request: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  // Threads that wait for each other by spinning take longer than one where cores are shared.
  const env = { ...process.env, OMP_NUM_THREADS: '1' }
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'pipe'], env, ...(signal && { signal }) })
    const [out, said]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', (part: Buffer) => out.push(part))
    child.stderr.on('data', (part: Buffer) => said.push(part))
    child.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' || error.code === 'EACCES'
        ? resolve(undefined)
        : reject(signal?.aborted ? signal.reason : error),
    )
    child.on('close', (code) => {
      if (code === 0) return resolve(Buffer.concat(out))
      const words = Buffer.concat(said).toString().trim().split('\n').slice(-3).join(' | ')
      reject(new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `the judge in ${python} failed (${code}): ${words}`))
    })
    // A program that does not read its input closes it; its exit says why.
    child.stdin.on('error', () => undefined)
    for (const part of request) child.stdin.write(part)
    child.stdin.end()
  })
}

const bytes = (values: Float64Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

function answersIn(reply: Buffer, tables: number, size: number): Boosted | { missing: string } {
  const end = reply.indexOf('\n')
  const head = JSON.parse(reply.subarray(0, end).toString()) as { missing?: string; version: string }
  if (head.missing !== undefined) return { missing: head.missing }
  // Copied, for numbers must lie at multiples of 8.
  const all = new Float64Array(new Uint8Array(reply.subarray(end + 1)).buffer)
  const answers = Array.from({ length: tables }, (_, k) => all.subarray(k * size, (k + 1) * size))
  return { answers, version: head.version }
}

/**
 * Answers of gradient boosting learned from each of some tables, for the rows of another.
 *
 * @param python the program; default: set-up's own environment, else python3
 * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED where no Python has scikit-learn, saying what to install
 */
export async function boosting(
  learned: readonly Features[],
  asked: Features,
  { python, seed = 0, signal }: { python?: string | undefined; seed?: number; signal?: AbortSignal | undefined } = {},
): Promise<Boosted> {
  const classes = asked.classes?.length ?? 0
  const head = {
    levels: asked.columns.map(({ levels }) => levels),
    classes,
    learned: learned.map(({ rows }) => rows),
    asked: asked.rows,
    seed,
  }
  const tables = [...learned, asked].flatMap(({ x, y }) => [bytes(x), bytes(y)])
  const request = [Buffer.from(`${JSON.stringify(head)}\n`), ...tables]
  const tried: string[] = []
  for (const each of pythons(python)) {
    const reply = await ask(each, request, signal)
    const found = reply && answersIn(reply, learned.length, asked.rows * Math.max(classes, 1))
    if (found !== undefined && 'answers' in found) return found
    tried.push(`${each}: ${found === undefined ? 'no such program' : found.missing}`)
  }
  throw new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `the judge 'boosting' needs Python with scikit-learn (${tried.join('; ')}): python3 -m pip install scikit-learn, or name one that has it (--python)`,
    { details: { tried } },
  )
}
