import { defineProject } from 'vitest/config';

export default defineProject({
  test: {
    name: 'browser',
    include: ['**/*.test.ts'],
    globalSetup: ['../support/browser/serve.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One browser at a time, on whatever cores there are.
    fileParallelism: false,
  },
});
