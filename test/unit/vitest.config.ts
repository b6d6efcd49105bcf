import { defineProject } from 'vitest/config';
import { sharedOptions } from '../support/vitest/project.ts';

export default defineProject((env) => ({
  test: {
    ...sharedOptions(env),
    name: 'unit',
    include: ['**/*.test.ts'],
    globalSetup: ['../support/s3/provide-bucket.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
}));
