import { median } from '../machine.ts';
import type { Contestant } from './contestant.ts';
import { percentile } from './percentile.ts';
import type { ForwardRow } from './report.ts';

export interface ForwardOptions {
  batches: readonly number[];
  /** The number of turns of each contestant. */
  rounds: number;
  /** The duration of a turn in milliseconds. */
  turnMs: number;
  /** Milliseconds that each contestant runs before it is timed, so that its code is compiled. */
  warmUpMs: number;
  progress: (line: string) => void;
}

/** The approximate duration of a request, which runs many passes: its own cost of about 0.2 ms then matters little. */
const requestMs = 5;
const leastRequests = 3;
const emptyRequests = 15;

/**
 * Times forward passes, one contestant after the other, round after round. Each sample is one request: the mean of its
 * passes, minus the time of a request without passes.
 */
export async function measureForward(
  contestants: readonly Contestant[],
  options: ForwardOptions,
): Promise<ForwardRow[]> {
  const series: { contestant: Contestant; batch: number; times: number; samples: number[] }[] = [];
  for (const batch of options.batches) {
    for (const contestant of contestants) {
      const milliseconds = await warmUp(contestant, batch, options.warmUpMs);
      const times = Math.min(64, Math.max(1, Math.round(requestMs / milliseconds)));
      series.push({ contestant, batch, times, samples: [] });
    }
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const { contestant, batch, times, samples } of series) {
      samples.push(...(await takeTurn(contestant, batch, times, options.turnMs)));
    }
    options.progress(`forward: round ${round} of ${options.rounds}`);
  }
  return series.map(({ contestant, batch, times, samples }) => ({
    name: contestant.name,
    batch,
    p50Ms: percentile(samples, 0.5),
    p95Ms: percentile(samples, 0.95),
    p99Ms: percentile(samples, 0.99),
    samples: samples.length,
    passesPerSample: times,
  }));
}

/** @returns the fastest pass in milliseconds */
async function warmUp(contestant: Contestant, batch: number, forMs: number): Promise<number> {
  const start = performance.now();
  let least = await contestant.time(batch, 1);
  do {
    const times = Math.max(1, Math.round(requestMs / least));
    least = Math.min(least, (await contestant.time(batch, times)) / times);
  } while (performance.now() - start < forMs);
  return least;
}

async function takeTurn(contestant: Contestant, batch: number, times: number, turnMs: number) {
  // The previous contestant may have filled the caches with its weights.
  await contestant.time(batch, times);
  const empty: number[] = [];
  for (let i = 0; i < emptyRequests; i++) empty.push(await contestant.time(batch, 0));
  const cost = median(empty);
  const samples: number[] = [];
  const end = performance.now() + turnMs;
  while (samples.length < leastRequests || performance.now() < end) {
    samples.push(Math.max(0, ((await contestant.time(batch, times)) - cost) / times));
  }
  return samples;
}
