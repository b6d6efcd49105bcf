import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineProject } from 'vitest/config';

export default defineProject({
  plugins: [cloudflareTest({ wrangler: { configPath: '../../wrangler.jsonc' } })],
  test: {
    name: 'edge',
    include: ['**/*.test.ts'],
    globalSetup: [
      '../support/models/write-models.ts',
      '../support/corpus/write-corpus.ts',
      '../support/s3/provide-s3-servers.ts',
    ],
    testTimeout: 30_000,
    isolate: false,
    // Bundled once: else each test file loads their modules one by one.
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
            '@jsquash/webp/utils.js',
            '@jsquash/webp/codec/dec/webp_dec.js',
            'fflate',
          ],
        },
      },
    },
  },
});
