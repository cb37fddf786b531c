import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // A native addon with its own threads needs real processes: worker threads would share one runtime between test
    // files, and a crash would take every other file's result with it.
    pool: 'forks',
    // Two cores are the machine the suite is sized for; the native jobs bring threads of their own.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
})
