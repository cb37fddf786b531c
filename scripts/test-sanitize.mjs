#!/usr/bin/env node
// npm run test:sanitize: the native tests under AddressSanitizer with UndefinedBehaviorSanitizer, then under
// ThreadSanitizer, then the addon inside Node.js under the first two (scripts/test/sanitized-addon.mjs). asan and addon share a
// build folder, tsan has its own.
//
//   node scripts/test-sanitize.mjs [--only asan|tsan|addon]
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine, partsOf } from './setup/arguments.mjs'
import { compilesAtOnce } from './setup/native.mjs'
import { homeDirectory } from './setup/paths.mjs'
import { countTests, runNative } from './test/native.mjs'
import { capture } from './test/process.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const supp = (name) => join(root, 'cmake/sanitizers', `${name}.supp`)

/** Builds the addon and takes it through Node.js. The runtimes come before the program, which is not instrumented. */
async function runAddon(root, { build, env, name }) {
  const failed = (note) => [{ name, passed: 0, failed: 1, note }]
  const buildEnv = { CMAKE_BUILD_PARALLEL_LEVEL: compilesAtOnce(), ...env }
  const made = await capture('cmake', ['--build', build, '--target', 'langevin'], { cwd: root, env: buildEnv })
  if (made.status !== 0) return failed('the addon does not compile')
  const addon = join(build, 'Release/langevin.node')
  if (!readFileSync(addon).includes('__asan_report_load')) return failed('the addon is not instrumented')
  const runtimes = await Promise.all(
    ['libasan.so', 'libubsan.so'].map((library) => capture('c++', [`-print-file-name=${library}`], { quiet: true })),
  )
  const preload = runtimes.map(({ text }) => text.trim()).join(' ')
  const script = join(root, 'scripts/test/sanitized-addon.mjs')
  const { status, text } = await capture(process.execPath, ['--expose-gc', script], {
    cwd: root,
    env: { ...env, LD_PRELOAD: preload, LANGEVIN_ADDON: addon },
  })
  const counts = countTests(text)
  return status === 0 ? [{ name, ...counts }] : [{ name, passed: counts.passed, failed: Math.max(1, counts.failed) }]
}

const KINDS = {
  asan: {
    option: 'address+undefined',
    env: {
      // LibTorch is not instrumented: containers that cross its border would be reported falsely, and what it keeps until
      // the process ends is no leak of ours (the suppressions name it).
      ASAN_OPTIONS: 'detect_container_overflow=0:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1',
      LSAN_OPTIONS: `suppressions=${supp('lsan')}:print_suppressions=0`,
      UBSAN_OPTIONS: `print_stacktrace=1:suppressions=${supp('ubsan')}`,
    },
  },
  tsan: {
    option: 'thread',
    env: { TSAN_OPTIONS: `suppressions=${supp('tsan')}:history_size=4:second_deadlock_stack=1:print_suppressions=0` },
  },
  addon: {
    option: 'address+undefined',
    folder: 'build-asan',
    run: runAddon,
    env: {
      // V8 frees nothing when a process ends: what is left says nothing.
      ASAN_OPTIONS: 'detect_leaks=0:detect_container_overflow=0:strict_string_checks=1',
      UBSAN_OPTIONS: `print_stacktrace=1:suppressions=${supp('ubsan')}`,
    },
  },
}

const { values } = commandLine(import.meta.url, { options: { only: { type: 'string', multiple: true } } })
let passed = 0
let failed = 0
for (const kind of partsOf(values.only, Object.keys(KINDS), 'kind')) {
  const { option, env, folder = `build-${kind}`, run = runNative } = KINDS[kind]
  const build = join(root, folder)
  const fullEnv = { ...process.env, ...env, LANGEVIN_CACHE: homeDirectory(root) }
  const args = [
    '-G',
    'Ninja',
    '-S',
    root,
    '-B',
    build,
    '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
    `-DLANGEVIN_SANITIZE=${option}`,
  ]
  const configured = await capture('cmake', args, { cwd: root, env: fullEnv })
  const [result] =
    configured.status === 0
      ? await run(root, { build, env: fullEnv, name: kind })
      : [{ name: kind, passed: 0, failed: 1 }]
  console.log(`${kind}: ${result.passed} passed, ${result.failed} failed${result.note ? ` (${result.note})` : ''}`)
  passed += result.passed
  failed += result.failed
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
