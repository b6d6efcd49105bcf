import { defineProject } from 'vitest/config';
import { sharedOptions } from '../support/vitest/project.ts';

export default defineProject((env) => ({
  test: {
    ...sharedOptions(env),
    name: 'faults',
    // Its time limits are short, so nothing else may run meanwhile.
    fileParallelism: false,
    include: ['**/*.test.ts'],
    testTimeout: env.mode === 'whole' ? 3_600_000 : 300_000,
    hookTimeout: 120_000,
  },
}));
