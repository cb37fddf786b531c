#!/usr/bin/env node
// The README's picture from a report: its first figure, drawn by Chromium on white.
//
//   node scripts/picture.mjs reports/spandrel.html docs/images/spandrel.png [scale]
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [report, picture, scale = '0.8'] = process.argv.slice(2)
if (report === undefined || picture === undefined) {
  console.error('usage: node scripts/picture.mjs report.html picture.png [scale]')
  process.exit(2)
}

const [svg] = /<svg[\s\S]*?<\/svg>/.exec(readFileSync(report, 'utf8')) ?? []
if (svg === undefined) {
  console.error(`${report} holds no figure`)
  process.exit(1)
}
const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg).map(Number)
const style = 'body{margin:0;padding:12px;background:#fff;color:#1b2430}svg text{font:12px system-ui,sans-serif}'
const folder = mkdtempSync(join(tmpdir(), 'langevin-picture-'))
try {
  const page = join(folder, 'figure.html')
  writeFileSync(page, `<!doctype html><meta charset="utf-8"><style>${style}</style>${svg}`)
  mkdirSync(dirname(picture), { recursive: true })
  const size = `${Math.ceil(width) + 24},${Math.ceil(height) + 24}`
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--window-size=${size}`]
  const shot = [`--force-device-scale-factor=${scale}`, `--screenshot=${resolve(picture)}`, pathToFileURL(page).href]
  const { status, error, stderr } = spawnSync('chromium', [...flags, ...shot], { encoding: 'utf8' })
  if (error) throw error
  if (status !== 0) throw new Error(`chromium ended with ${status}: ${stderr}`)
  console.error(`${picture}: ${Math.round(statSync(picture).size / 1024)} kB`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
