/** The page in a browser: clicked through beside a run that goes on, looked at in both colour schemes and on a phone. */
import { readdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browser, skipped } from '../helpers/browser.js'
import { type Outcome, start, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('page')
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
/** Pictures of the page go there where it is set: for who wants to see it. */
const PICTURES = process.env.LANGEVIN_SCREENSHOTS

const RUN = {
  energy: { kind: 'mlp', input: 2, hidden: [16, 16], gaussianBase: 2 },
  data: { toy: 'moons', n: 1000 },
  objective: {
    kind: 'persistentContrastiveDivergence',
    sampler: { kind: 'mala', steps: 5, stepSize: 0.02 },
    buffer: { size: 1000 },
  },
  optimizer: { kind: 'adam', lr: 0.0002 },
  batchSize: 64,
  threads: 1,
}
const write = (name: string, steps: number, more = {}) =>
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...RUN, ...more, steps, out: `${name}.safetensors` }))

/** `langevin ...` until it has printed the address of its page. */
async function serving(...args: string[]): Promise<{ url: string; outcome: Promise<Outcome>; stop: () => void }> {
  const { child, outcome } = start(folder, args)
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    const hear = (text: unknown) => {
      said += String(text)
      const found = /http:\/\/127\.0\.0\.1:\d+\/[\w-]+\//.exec(said)
      if (found) resolve(found[0])
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    child.on('close', () => reject(new Error(`no page: ${said}`)))
  })
  return { url, outcome, stop: () => child.kill('SIGINT') }
}

const stepOf = async (page: Page) => Number(/step (\d+)/.exec((await page.textContent('#own-progress')) ?? '')?.[1])
const curve = async (page: Page, title: string) =>
  (await page.locator('figure', { hasText: title }).first().locator('[role=img]').getAttribute('aria-label')) ?? ''

/** Expects something that becomes true in a while, on a machine that is busy. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 })

/** Waits for a number to pass another. */
async function grows(number: () => Promise<number>, beyond: number): Promise<number> {
  await eventually(number).toBeGreaterThan(beyond)
  return await number()
}

/** What axe-core finds against WCAG 2.1 A and AA and its best practices. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'))
  const found = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe is a global of the page
    const { violations } = await (globalThis as any).axe.run()
    return violations.map((v: { id: string; nodes: { html: string }[] }) => `${v.id}: ${v.nodes.map((n) => n.html)}`)
  })
  return found as string[]
}

async function photograph(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
  await page.screenshot({ path: join(PICTURES, `${name}-top.png`) })
}

/** Errors of scripts, and what the content security policy has refused. */
function complaintsOf(page: Page): string[] {
  const all: string[] = []
  page.on('pageerror', (error) => all.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') all.push(message.text())
  })
  return all
}

describe.skipIf(skipped)('the page (skipped where there is no Chromium)', () => {
  let chromium: Browser
  let served: Awaited<ReturnType<typeof serving>>
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    write('first', 300)
    write('second', 5_000_000, { optimizer: { kind: 'adam', lr: 0.0001 } })
    const { status, stderr } = await start(folder, ['train', 'first.json', '-q']).outcome
    expect(status, stderr).toBe(0)
    chromium = await browser()
    served = await serving('train', 'second.json', '--ui')
    page = await chromium.newPage({ viewport: { width: 1440, height: 900 } })
    complaints = complaintsOf(page)
    await page.goto(served.url)
  }, 120_000)
  afterAll(async () => {
    served?.stop()
    await chromium?.close()
    await served?.outcome
  })

  it('shows how the run goes on, live', async () => {
    await page.waitForSelector('#own:visible')
    const first = await grows(() => stepOf(page), 0)
    await grows(() => stepOf(page), first)
    const last = async () => Number(/at step (\d+)$/.exec(await curve(page, 'Loss'))?.[1])
    await grows(last, await grows(last, 0))
    for (const title of ['Gap', 'Acceptance', 'Mean age of the buffer']) {
      expect(await curve(page, title)).toMatch(/second-1 \w+: \S+ at step \d+, \S+ at step \d+/)
    }
    expect(await page.textContent('#connection')).toBe('live')
  })

  it('shows the density that is learned, with words for who cannot see it', async () => {
    const picture = page.locator('#pictures [role=img]')
    await picture.waitFor({ timeout: 20_000 })
    expect(await picture.getAttribute('aria-label')).toMatch(/density of x\[0\] from -\d/)
    // Something dark and something light has been drawn.
    const shades = await picture.locator('canvas').evaluate((element) => {
      const canvas = element as unknown as {
        width: number
        height: number
        getContext(kind: '2d'): { getImageData(...box: number[]): { data: Uint8ClampedArray } }
      }
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return [...new Set(data)].length
    })
    expect(shades).toBeGreaterThan(50)
  })

  it('pauses, goes on, and writes a checkpoint at a click', async () => {
    await page.click('#pause')
    await eventually(() => page.textContent('#own-progress')).toContain('paused')
    // What was measured before the pause arrives; then nothing moves.
    await page.waitForTimeout(1500)
    const held = await stepOf(page)
    await page.waitForTimeout(1500)
    expect(await stepOf(page)).toBe(held)
    expect(await page.textContent('#pause')).toBe('Resume')
    // By the keyboard.
    await page.focus('#pause')
    await page.keyboard.press('Enter')
    await grows(() => stepOf(page), held)
    await page.click('#checkpoint')
    await eventually(() => page.textContent('#message')).toMatch(/Step \d+ is saved in .*step-\d+\.safetensors/)
    const written = /step-\d+\.safetensors/.exec((await page.textContent('#message'))!)![0]
    expect(readdirSync(join(folder, 'runs/second-1/checkpoints'))).toContain(written)
  })

  it('survives a reload, with all of the curve', async () => {
    const before = await stepOf(page)
    const first = /: \S+ at step (\d+)/.exec(await curve(page, 'Loss'))![1]
    await page.reload()
    await grows(() => stepOf(page), before)
    await eventually(() => curve(page, 'Loss')).toMatch(new RegExp(`: \\S+ at step ${first},`))
  })

  it('shows two runs side by side, also after a reload', async () => {
    await page.check('[aria-label="show first-1"]')
    await eventually(() => curve(page, 'Loss')).toMatch(/second-1 loss: .*; first-1 loss: .* at step 300/)
    await eventually(() => page.textContent('#settings')).toMatch(/optimizer\.lr\s*0\.0001\s*0\.0002/)
    expect(await page.textContent('#findings')).toMatch(/second-1: running[\s\S]*first-1: done/)
    await page.reload()
    await eventually(() => curve(page, 'Loss')).toContain('first-1 loss')
    await eventually(() => page.locator('#pictures figure').count()).toBe(2)
  })

  it.each(['light', 'dark'] as const)('has no faults of accessibility, %s, wide and narrow', async (colorScheme) => {
    await page.emulateMedia({ colorScheme })
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 })
      await page.waitForTimeout(1000)
      await photograph(page, `${colorScheme}-${width}`)
      expect(await faults(page)).toEqual([])
      // Nothing sticks out: wide tables scroll by themselves.
      const beyond = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      expect(beyond).toBe(0)
    }
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  it('serves other pages: a folder of runs that another process trains', async () => {
    const other = await serving('ui')
    const second = await chromium.newPage()
    try {
      await second.goto(`${other.url}?runs=second-1`)
      await eventually(() => second.locator('#runs tbody tr').count()).toBe(2)
      const last = async () => Number(/at step (\d+)$/.exec(await curve(second, 'Loss'))?.[1])
      await grows(last, await grows(last, 0))
      expect(await second.isVisible('#own')).toBe(false)
      const refused = await chromium.newPage()
      expect((await refused.goto(other.url.replace(/.\/$/, '_/')))?.status()).toBe(403)
      other.stop()
      await eventually(() => second.textContent('#connection')).toContain('not connected')
    } finally {
      await second.close()
    }
    expect((await other.outcome).status).toBe(0)
  })

  it('stops the run at a click, after asking', async () => {
    await page.click('#abort')
    await photograph(page, 'confirm')
    expect(await faults(page)).toEqual([])
    await page.click('dialog button[value=no]')
    const going = await stepOf(page)
    await grows(() => stepOf(page), going)
    await page.click('#abort')
    await page.click('dialog button[value=yes]')
    await eventually(() => page.textContent('#own-progress')).toContain('aborted')
    expect(await page.isDisabled('#pause')).toBe(true)
    await eventually(() => page.textContent('#findings')).toContain('second-1: aborted')
    expect(complaints).toEqual([])
    await page.close()
    const { status, stderr } = await served.outcome
    expect([status, stderr]).toEqual([130, expect.stringMatching(/continue with: npx langevin runs resume second-1/)])
  })
})
