import { readFileSync } from 'node:fs';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineProject } from 'vitest/config';

/** What edge/model/further-layers.ts imports. */
const furtherModules = Array.from(
  readFileSync(new URL('../../edge/model/further-layers.ts', import.meta.url), 'utf8').matchAll(
    /'(@tensorflow\/tfjs-(?:backend-cpu|layers)\/[^']+)'/g,
  ),
  ([, module]) => module as string,
);

export default defineProject({
  plugins: [cloudflareTest({ wrangler: { configPath: '../../wrangler.toml' } })],
  test: {
    name: 'edge',
    include: ['**/*.test.ts'],
    globalSetup: ['../fixtures/write-models.ts', '../fixtures/write-corpus.ts', './s3-servers.ts'],
    testTimeout: 30_000,
    isolate: false,
    // Bundled once: else each test file loads the thousand modules of TensorFlow.js one by one.
    deps: {
      optimizer: {
        ssr: {
          enabled: true,
          include: [
            '@tensorflow/tfjs-core',
            '@tensorflow/tfjs-layers/dist/models',
            '@tensorflow/tfjs-layers/dist/layers/convolutional',
            '@tensorflow/tfjs-layers/dist/layers/core',
            '@tensorflow/tfjs-layers/dist/layers/pooling',
            '@tensorflow/tfjs-backend-cpu/dist/base',
            '@tensorflow/tfjs-backend-cpu/dist/kernels/_FusedMatMul',
            '@tensorflow/tfjs-backend-cpu/dist/kernels/FusedConv2D',
            '@tensorflow/tfjs-backend-cpu/dist/kernels/Identity',
            '@tensorflow/tfjs-backend-cpu/dist/kernels/MaxPool',
            '@tensorflow/tfjs-backend-cpu/dist/kernels/Reshape',
            ...furtherModules,
            'hono',
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
