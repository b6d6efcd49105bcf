import { defineProject } from 'vitest/config';
import { sharedOptions } from '../support/vitest/project.ts';

export default defineProject((env) => ({
  test: {
    ...sharedOptions(env),
    name: 'browser',
    // They share a Worker, to which one of them publishes.
    fileParallelism: false,
    include: ['**/*.test.ts'],
    globalSetup: ['../support/browser/serve.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
}));
