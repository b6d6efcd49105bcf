import { defineConfig } from 'vitest/config';
import { SkippedReporter } from './test/support/vitest/skipped-reporter.ts';

export default defineConfig({
  test: {
    projects: [
      'test/unit/vitest.config.ts',
      'test/edge/vitest.config.ts',
      'test/e2e/vitest.config.ts',
      'test/faults/vitest.config.ts',
      'test/browser/vitest.config.ts',
    ],
    // A test's output is shown if it fails; `--silent=false` shows all of it.
    silent: 'passed-only',
    reporters: ['default', new SkippedReporter()],
    // The files whose coverage is measured: `npm run test:coverage`. Paths are relative to test/unit.
    coverage: {
      provider: 'v8',
      allowExternal: true,
      include: ['trainer', 'shared', 'node', 'infra'].map((folder) => `../../${folder}/**/*.ts`),
      exclude: ['../../shared/kernels/assembly/**', '**/*.d.ts'],
      reporter: ['text-summary'],
    },
  },
});
