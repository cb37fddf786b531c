/** The command line of a script: its options, --help, and an option that it does not have in words instead of a stack. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** The comment at the head of a script, which says what it does and which options it takes. */
export function headOf(path) {
  const lines = readFileSync(path, 'utf8').split('\n')
  const from = lines[0].startsWith('#!') ? 1 : 0
  const to = lines.findIndex((line, at) => at >= from && !line.startsWith('//'))
  return lines
    .slice(from, to)
    .map((line) => line.slice(3))
    .join('\n')
}

/** What node:util's parseArgs says of `config`. `--help` prints the head of the script at `url` and ends; misuse ends with 2. */
export function commandLine(url, config) {
  const path = fileURLToPath(url)
  try {
    const options = { help: { type: 'boolean', short: 'h', default: false }, ...config.options }
    const parsed = parseArgs({ ...config, options })
    if (!parsed.values.help) return parsed
    console.log(headOf(path))
    process.exit(0)
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS')) throw error
    console.error(`${basename(path)}: ${error.message}\n--help says which options there are`)
    process.exit(2)
  }
}

/** The parts of a script that `--only NAME` asks for, all of them where it asks for none; a name that is none of theirs ends with 2. */
export function partsOf(only, names, what) {
  const unknown = (only ?? []).find((name) => !names.includes(name))
  if (unknown !== undefined) {
    console.error(`unknown ${what} "${unknown}": use ${names.join(', ')}`)
    process.exit(2)
  }
  return only === undefined || only.length === 0 ? names : names.filter((name) => only.includes(name))
}
