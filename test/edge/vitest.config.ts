import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineProject } from 'vitest/config';
import { sharedOptions } from '../support/vitest/project.ts';
import { quietWorkerd } from '../support/vitest/quiet-workerd.ts';

quietWorkerd();

export default defineProject((env) => ({
  plugins: [cloudflareTest({ wrangler: { configPath: '../../wrangler.jsonc' } })],
  test: {
    ...sharedOptions(env),
    name: 'edge',
    include: ['**/*.test.ts'],
    globalSetup: [
      '../support/models/write-models.ts',
      '../support/corpus/write-corpus.ts',
      '../support/s3/provide-s3-servers.ts',
    ],
    testTimeout: 30_000,
    isolate: false,
    // Bundled once: otherwise each test file loads these modules one by one.
    deps: {
      optimizer: {
        ssr: {
          enabled: true,
          include: [
            'hono',
            'hono/route',
            'zod',
            'aws4fetch',
            'fast-png',
            'jpeg-js',
            'jpeg-js/lib/decoder.js',
            'fflate',
          ],
        },
      },
    },
  },
}));
