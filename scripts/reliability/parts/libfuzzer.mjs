// libFuzzer, with AddressSanitizer and UndefinedBehaviorSanitizer, on what runs a scorer file (native/fuzz/scorer.cpp): programs that are
// nearly sound are refused by name or evaluated within their bounds.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compileUnits, fuzzUnit, kernelUnits, plainUnits, scorerUnit } from '../../plain-units.mjs'
import { scratch } from '../lib/scratch.mjs'

const WANTED = 1_000_000
/** LANGEVIN_FUZZ_SECONDS says otherwise. */
const SECONDS = 3600
const SEED = 20261201
/** Seconds of a processor that an input may take. */
const SLOW = 5
const CHECKS = ['-O2', '-g', '-fsanitize=fuzzer-no-link,address,undefined', '-fno-sanitize-recover=undefined']
const LINK = ['-fsanitize=fuzzer,address,undefined', '-pthread']

function missing(clang, folder) {
  const input = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n'
  const args = ['-x', 'c++', '-', ...LINK, '-o', join(folder, 'probe')]
  const { status, error } = spawnSync(clang, args, { input, encoding: 'utf8' })
  if (status === 0) return undefined
  return `no clang with libFuzzer (${error?.code ?? 'it does not link'}); on Debian: apt-get install -y clang; another: FUZZ_CXX`
}

function fuzz(binary, corpus, folder, { wanted, seconds, seed, say }) {
  return new Promise((resolve, reject) => {
    const args = [`-runs=${wanted}`, `-max_total_time=${seconds}`, `-seed=${seed}`, '-max_len=512', '-len_control=0']
    const more = [`-timeout=${SLOW}`, '-rss_limit_mb=2048', '-print_final_stats=1', `-artifact_prefix=${folder}/found-`]
    const child = spawn(binary, [...args, ...more, corpus], { stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    let told = Date.now()
    child.stderr.on('data', (chunk) => {
      text = (text + chunk).slice(-20_000)
      if (Date.now() - told < 30_000) return
      told = Date.now()
      say(`libfuzzer: ${/#(\d+)\t[^#]*$/.exec(text)?.[1] ?? 0} inputs`)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, text }))
  })
}

const foundIn = (folder) => readdirSync(folder).filter((name) => name.startsWith('found-'))

/** libFuzzer counts the clock on the wall, and others may have had the processors: the input by itself has SLOW seconds of them. */
function waitedOnly(binary, folder) {
  const [name, ...others] = foundIn(folder)
  if (!name?.startsWith('found-timeout-') || others.length > 0) return false
  const path = join(folder, name)
  const command = `ulimit -t ${SLOW}; exec "$0" -timeout=${100 * SLOW} "$1"`
  const { status } = spawnSync('sh', ['-c', command, binary, path], { stdio: 'ignore' })
  if (status === 0) rmSync(path)
  return status === 0
}

/** Fuzzes until the inputs or the seconds are used up, or something is found. */
async function fuzzOn(binary, corpus, folder, { wanted, seconds, say }) {
  const until = Date.now() + 1000 * seconds
  let [inputs, waits, result] = [0, 0, undefined]
  do {
    const left = Math.max(1, Math.ceil((until - Date.now()) / 1000))
    result = await fuzz(binary, corpus, folder, { wanted: wanted - inputs, seconds: left, seed: SEED + waits, say })
    inputs += Number(/number_of_executed_units: (\d+)/.exec(result.text)?.[1] ?? 0)
    if (result.code === 0 || !waitedOnly(binary, folder)) break
    waits++
    result.code = 0
  } while (inputs < wanted && Date.now() < until)
  return { ...result, inputs, waits }
}

export async function run({ quick, figures, say }) {
  const clang = process.env.FUZZ_CXX || 'clang++'
  const folder = scratch('libfuzzer')
  const problem = missing(clang, folder)
  if (problem) return figures.skipped('programs of scorer files', problem)
  say('libfuzzer: compiling')
  const units = [...kernelUnits(), ...plainUnits(), scorerUnit('scorer'), scorerUnit('worker'), fuzzUnit('scorer')]
  const objects = await compileUnits(clang, CHECKS, units, folder)
  const binary = join(folder, 'fuzz')
  const linked = spawnSync(clang, [...LINK, ...objects, '-o', binary], { encoding: 'utf8' })
  if (linked.status !== 0) throw new Error(`the fuzzer does not link:\n${linked.stderr}`)
  const corpus = join(folder, 'corpus')
  mkdirSync(corpus, { recursive: true })
  const wanted = quick ? 3000 : WANTED
  const seconds = Number(process.env.LANGEVIN_FUZZ_SECONDS) || (quick ? 60 : SECONDS)
  const { code, signal, text, inputs, waits } = await fuzzOn(binary, corpus, folder, { wanted, seconds, say })
  const covered = /cov: (\d+) ft: (\d+)(?![\s\S]*cov: )/.exec(text)
  const found = foundIn(folder)
  const report = /(ERROR: \w+Sanitizer[^\n]*|[^\n]*runtime error[^\n]*|ERROR: libFuzzer[^\n]*)/.exec(text)?.[1]
  figures.held('programs of scorer files: inputs that break a bound, or take 5 s or 2 GiB', found.length, {
    limit: '0',
    ok: code === 0 && found.length === 0,
    note: `${inputs.toLocaleString('en')} inputs, AddressSanitizer and UndefinedBehaviorSanitizer${covered ? `, ${covered[1]} edges` : ''}${
      found.length > 0 && report ? `; ${report}` : ''
    }${waits > 0 ? `; ${waits} times an input waited for a processor and was quick by itself` : ''}${signal ? `; ${signal}` : ''}`,
  })
  if (!quick && existsSync(corpus))
    figures.seen('programs of scorer files: kept for what they reach', readdirSync(corpus).length, { note: 'inputs' })
}
