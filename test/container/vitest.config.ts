import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'container',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 300_000,
    // The image is built, which downloads Debian's and npm's packages and TensorFlow's wheel.
    hookTimeout: 1_200_000,
  },
});
