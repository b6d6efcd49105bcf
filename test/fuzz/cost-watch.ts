import { residentBytes } from '../bench/edge/measure-memory.ts';
import { cpuMilliseconds, forgetPeak, peakBytes } from '../support/hostile/measure.ts';
import type { Target } from './open-target.ts';

/** The cost of one answer, and its request. */
export interface Cost {
  milliseconds: number;
  /** The peak memory of the process, minus its memory before. */
  bytes: number;
  request: string;
}

export interface CostWatch {
  slowest: Cost;
  largest: Cost;
  /**
   * Measures one request.
   *
   * @param request names it in the report
   * @returns its answer and its time: the process's CPU time if the system has /proc, because a busy machine does not change that
   */
  measure<Answer>(
    request: string,
    ask: () => Promise<Answer>,
  ): Promise<{ answer: Answer; milliseconds: number }>;
}

/** Measures requests that are sent one after the other, and keeps the worst. */
export function watchCost({ process }: Target): CostWatch {
  const none: Cost = { milliseconds: 0, bytes: 0, request: '' };
  const watch: CostWatch = {
    slowest: none,
    largest: none,
    async measure(request, ask) {
      const before = process === null ? null : await read(process);
      const start = performance.now();
      const answer = await ask();
      const wall = performance.now() - start;
      if (process === null || before === null) {
        keep({ milliseconds: wall, bytes: 0, request });
        return { answer, milliseconds: wall };
      }
      // The clock of /proc counts in steps of 10 ms.
      const milliseconds = Math.min(wall, (await cpuMilliseconds(process)) - before.cpu);
      keep({ milliseconds, bytes: (await peakBytes(process)) - before.resident, request });
      return { answer, milliseconds };
    },
  };
  return watch;

  function keep(cost: Cost): void {
    if (cost.milliseconds > watch.slowest.milliseconds) watch.slowest = cost;
    if (cost.bytes > watch.largest.bytes) watch.largest = cost;
  }
}

async function read(process: string) {
  await forgetPeak(process);
  return { cpu: await cpuMilliseconds(process), resident: await residentBytes(process) };
}
