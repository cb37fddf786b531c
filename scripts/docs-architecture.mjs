// Draws docs/images/architecture.svg: the three layers, the modules of each in their order with what they hold (from
// docs/modules.json, whose order tests/package/layers.test.ts holds), and the way of a call through them.
// `--check` fails when the drawing is not what it would draw.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'docs', 'images', 'architecture.svg')

const COLUMNS = 3
const BOX = { width: 246, height: 38, gap: 8 }
const PAD = 12
const TITLE = 30
const STEPS_WIDTH = 250
/** Letters of a module's text that fit its box. */
const LETTERS = 42

const LAYERS = [
  {
    folder: 'src',
    title: 'src: TypeScript',
    text: 'specs, files, command line, reports; no numeric loop',
    ordered: true,
    fill: '#eaf2fb',
    line: '#3b6ea8',
    steps: [
      ['call', 'train(model, rows, { objective })'],
      ['spec', 'plain JSON, checked, defaults filled in'],
    ],
  },
  {
    folder: 'native/binding',
    title: 'native/binding: C++, N-API',
    text: 'values across the boundary, jobs off the event loop, errors back; no Torch header',
    ordered: false,
    fill: '#f3eefa',
    line: '#7a57a8',
    steps: [['value tree', 'numbers, texts, lists, maps, handles']],
  },
  {
    folder: 'native/core',
    title: 'native/core: C++20, LibTorch',
    text: 'every number; nothing of Node.js',
    ordered: true,
    fill: '#edf6ec',
    line: '#4c8a45',
    steps: [
      ['function table', '"train": value tree to value tree'],
      ['program', 'row-wise operations, in order'],
      ['executor', 'fused tiles, CUDA, or plain ATen'],
    ],
  },
]

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const label = (x, y, text, more = '') => `  <text x="${x}" y="${y}"${more}>${escaped(text)}</text>`
const frame = (x, y, width, height, fill, line, radius = 4) =>
  `  <rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}" stroke="${line}"/>`

const WIDTH = PAD + COLUMNS * (BOX.width + BOX.gap) + STEPS_WIDTH + 2 * PAD
const STEPS_X = WIDTH - STEPS_WIDTH - PAD

/** One layer: its frame, its modules, its steps of a call. */
function band({ title, text, fill, line, steps, ordered }, modules, top) {
  const rows = Math.ceil(modules.length / COLUMNS)
  const stepsHeight = steps.length * (BOX.height + 14)
  const height = TITLE + Math.max(rows * (BOX.height + BOX.gap), stepsHeight) + PAD / 2
  const parts = [
    frame(PAD / 2, top, WIDTH - PAD, height, fill, line, 8),
    label(PAD + 4, top + 20, title, ' class="title"'),
    label(PAD + 250, top + 20, text),
  ]
  modules.forEach(([name, holds], i) => {
    if (holds.length > LETTERS) throw new Error(`docs/modules.json: '${holds}' has more than ${LETTERS} letters`)
    // Down the columns: the order is read as in a newspaper.
    const [x, y] = [
      PAD + Math.floor(i / rows) * (BOX.width + BOX.gap),
      top + TITLE + (i % rows) * (BOX.height + BOX.gap),
    ]
    parts.push(frame(x, y, BOX.width, BOX.height, '#ffffff', line))
    parts.push(label(x + 8, y + 16, ordered ? `${i + 1}  ${name}` : name, ' class="name"'), label(x + 8, y + 31, holds))
  })
  const places = steps.map((step, i) => [step, top + TITLE + i * (BOX.height + 14)])
  for (const [[name, what], y] of places) {
    parts.push(frame(STEPS_X, y, STEPS_WIDTH - PAD, BOX.height, '#fff6e0', '#b98a1e', 12))
    parts.push(label(STEPS_X + 12, y + 16, name, ' class="name"'), label(STEPS_X + 12, y + 31, what))
  }
  return { parts, bottom: top + height, ys: places.map(([, y]) => y) }
}

/** The whole drawing. @param {Record<string, Record<string, string>>} modules */
export function drawing(modules) {
  const parts = []
  const ys = []
  let top = 8
  for (const layer of LAYERS) {
    const made = band(layer, Object.entries(modules[layer.folder] ?? {}), top)
    parts.push(...made.parts)
    ys.push(...made.ys)
    top = made.bottom + 10
  }
  const x = STEPS_X + (STEPS_WIDTH - PAD) / 2
  for (const [i, y] of ys.slice(1).entries()) {
    parts.push(`  <path d="M${x} ${ys[i] + BOX.height} V${y - 2}" stroke="#b98a1e" marker-end="url(#arrow)"/>`)
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-labelledby="what">
  <title id="what">Three layers, their modules in order, and the way of a call</title>
  <style>text { font: 11px sans-serif; fill: #222 } .title { font-weight: bold; font-size: 14px } .name { font-weight: bold }</style>
  <defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#b98a1e"/></marker></defs>
  <rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`
}

async function main() {
  const text = drawing(JSON.parse(await readFile(join(root, 'docs', 'modules.json'), 'utf8')))
  if (!process.argv.includes('--check')) return writeFile(target, text)
  if ((await readFile(target, 'utf8').catch(() => '')) === text) return
  console.error('docs/images/architecture.svg is not up to date: npm run docs:architecture')
  process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
