import { defineProject } from 'vitest/config';

/** `npm test` runs a sample of the faults, `npm run test:faults` (mode `whole`) all of them. */
export default defineProject(({ mode }) => ({
  test: {
    name: 'faults',
    include: ['**/*.test.ts'],
    testTimeout: mode === 'whole' ? 3_600_000 : 300_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    provide: { whole: mode === 'whole' },
  },
}));
