import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      'test/unit/vitest.config.ts',
      'test/edge/vitest.config.ts',
      'test/e2e/vitest.config.ts',
      'test/faults/vitest.config.ts',
      'test/browser/vitest.config.ts',
    ],
  },
});
