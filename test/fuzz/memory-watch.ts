import type { Memory, Target } from './open-target.ts';

/** How much the process may grow from half to the end: the variance of garbage collection. */
const largestProcessGrowth = 48 * 2 ** 20;
/** How much the isolate's live memory may grow. */
const largestHeapGrowth = 4 * 2 ** 20;

export interface MemoryWatch {
  /** After a tenth, after half, and at the end. */
  readings: Memory[];
  /** To be called after each of them. */
  after(done: number): Promise<void>;
  /** @throws {Error} if memory grew in the second half */
  check(): void;
}

/**
 * Measures a Worker's memory after garbage collection while it answers.
 *
 * @param total how many requests it will have answered
 * @param minForProcess in how many the process has warmed up by half; in fewer it may grow
 */
export function watchMemory(target: Target, total: number, minForProcess: number): MemoryWatch {
  const readings: Memory[] = [];
  return {
    readings,
    async after(done) {
      if ([0.1, 0.5, 1].some((share) => done === Math.ceil(share * total))) {
        readings.push(await target.memory());
      }
    },
    check() {
      const [, half, end] = readings;
      if (!half || !end) return;
      for (const [part, most] of [
        ['heap', largestHeapGrowth],
        ['arrayBuffers', largestHeapGrowth],
        ['process', total < minForProcess ? Number.POSITIVE_INFINITY : largestProcessGrowth],
      ] as const) {
        if (end[part] - half[part] <= most) continue;
        throw new Error(`Memory grew (${part}): ${JSON.stringify(readings)}`);
      }
    },
  };
}
