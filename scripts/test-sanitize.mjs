#!/usr/bin/env node
// npm run test:sanitize: the native tests under AddressSanitizer with UndefinedBehaviorSanitizer, then under
// ThreadSanitizer, each in a build folder of its own.
//
//   node scripts/test-sanitize.mjs [--only asan|tsan]
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { homeDirectory } from './setup/paths.mjs'
import { runNative } from './test/native.mjs'
import { capture } from './test/process.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const supp = (name) => join(root, 'cmake/sanitizers', `${name}.supp`)

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
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
let passed = 0
let failed = 0
for (const [kind, { option, env }] of Object.entries(KINDS)) {
  if (values.only && !values.only.includes(kind)) continue
  const build = join(root, `build-${kind}`)
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
      ? await runNative(root, { build, env: fullEnv, name: kind })
      : [{ name: kind, passed: 0, failed: 1 }]
  console.log(`${kind}: ${result.passed} passed, ${result.failed} failed`)
  passed += result.passed
  failed += result.failed
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
