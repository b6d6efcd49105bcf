import { defineProject } from 'vitest/config';
import { sharedOptions } from '../support/vitest/project.ts';

export default defineProject((env) => ({
  test: {
    ...sharedOptions(env),
    name: 'e2e',
    include: ['**/*.test.ts'],
    globalSetup: ['../support/build-package.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
}));
