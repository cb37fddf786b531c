/** Headless Chromium for tests of the page: the one LANGEVIN_CHROMIUM names, or an installed one. */
import { existsSync } from 'node:fs'
import process from 'node:process'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const { LANGEVIN_CHROMIUM: named, CI } = process.env
const executablePath = named ?? PLACES.find((path) => existsSync(path))
/** Tests are left out only where there is none and nobody counts on them: under CI, and with a named one, they fail instead. */
export const skipped = executablePath === undefined && (CI === undefined || CI === '' || CI === 'false')

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export async function browser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('no Chromium: install it, or name it in LANGEVIN_CHROMIUM')
  return await chromium.launch({ executablePath, args: ARGS })
}
