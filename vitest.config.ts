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
    coverage: {
      provider: 'v8',
      include: ['trainer/**', 'shared/**', 'node/**', 'infra/**'],
      reporter: ['text-summary'],
    },
  },
});
