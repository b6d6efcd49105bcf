import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'container',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 300_000,
    // Debian's packages, npm's and TensorFlow's wheel are fetched and the image is put together.
    hookTimeout: 1_200_000,
  },
});
