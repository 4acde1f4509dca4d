import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Everything runs from source: this condition picks `src/index.ts` in the `exports` of our packages.
const conditions = ['@sse-toolkit/source', 'module', 'node', 'default']

const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
}

const waiting = {
  testTimeout: 20_000,
  hookTimeout: 60_000,
  // As long as a busy machine may need; what is tested has limits of its own.
  expect: { poll: { timeout: 15_000 } },
}

const alone = {
  ...waiting,
  fileParallelism: false,
  sequence: { groupOrder: 1 },
  testTimeout: 60_000,
}

export default defineConfig({
  ...shared,
  test: {
    pool: 'forks',
    projects: [
      {
        ...shared,
        test: {
          ...waiting,
          name: 'unit',
          maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
          include: [
            'packages/*/test/**/*.test.ts',
            'test/support/test/**/*.test.ts',
            'test/architecture/**/*.test.ts',
            'test/simulation/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', '**/*.abroad.test.ts'],
        },
      },
      {
        ...shared,
        // Real processes, real sockets, a real browser: one file at a time, so that they do not starve each other.
        test: { ...alone, name: 'integration', include: ['test/integration/**/*.test.ts'] },
      },
      {
        ...shared,
        // With other people's runtimes, frameworks, proxies and SDKs; packed tarballs, examples, soaks, the demo's long stories.
        test: {
          ...alone,
          name: 'abroad',
          include: ['test/abroad/**/*.test.ts', 'packages/*/test/**/*.abroad.test.ts'],
        },
      },
    ],
  },
})
