import type { ConfigEnv } from 'vitest/config';

/**
 * The settings of all projects. `npm test` runs a sample of slow tests; `npm run test:all` (mode `whole`) runs everything.
 *
 * @param sample whether a sample is enough, from the mode
 */
export const sharedOptions = ({ mode }: ConfigEnv) => ({
  // Vitest leaves one core free by default, which is half of a machine with two.
  maxWorkers: '100%',
  provide: { whole: mode === 'whole' },
});
