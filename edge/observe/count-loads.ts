import type { LoadVersion } from '../model/load-version.ts';
import type { Counters } from './counters.ts';

/** @returns the same, counted */
export const countLoads =
  (load: LoadVersion, counters: Counters): LoadVersion =>
  async (source, version) => {
    try {
      const model = await load(source, version);
      counters.loads++;
      return model;
    } catch (error) {
      counters.failedLoads++;
      throw error;
    }
  };
