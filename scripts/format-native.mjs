#!/usr/bin/env node
// npm run format, the C++ half: clang-format in place.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { capture } from './test/process.mjs'
import { nativeFiles } from './test/static.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { status } = await capture('clang-format', ['-i', ...nativeFiles(root)], { cwd: root })
if (status === 127) console.error('clang-format is missing: apt-get install -y clang-format')
process.exitCode = status
