/** `langevin ui`: a local page about a folder of runs. */
import type { Command } from 'commander'
import { RUNS } from '../../runs/index.js'
import { serveFolder } from '../page.js'
import { action, interruption, note, print, printJson, wholeNumber } from '../support.js'

const EXAMPLES = `
The page shows loss, energies, acceptance, buffer age and what else was measured, what is learned, findings in words and settings, of
up to six runs side by side, also while other processes train them. langevin train --ui serves the same page, with buttons that
pause, continue, checkpoint and stop its run. It is served on this machine alone (127.0.0.1) under an address with a secret token,
needs no network, and ends with Ctrl-C. From another machine: ssh -L 8080:127.0.0.1:8080 host, with --port 8080 there.

Examples:
  npx langevin ui
  npx langevin ui runs/ --port 8080`

async function serve(folder: string, options: { port?: number; json?: boolean }): Promise<void> {
  const { signal, release } = interruption('stopping')
  try {
    const page = await serveFolder(folder, options.port)
    if (options.json) printJson({ url: page.url, port: page.port, folder })
    else print(page.url)
    note('Open this address in a browser; Ctrl-C ends the page')
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await page.close()
  } finally {
    release()
  }
}

/** `langevin ui runs/`: a page about a folder of runs. */
export default function register(program: Command): void {
  const command = program
    .command('ui')
    .description('a local page about a folder of runs: curves, findings, several side by side, live')
    .argument('[folder]', 'the folder of runs', RUNS)
    .option('--port <n>', 'port of the page (default: any that is free)', wholeNumber(1))
    .option('--json', 'print { url, port, folder } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, serve)
}
