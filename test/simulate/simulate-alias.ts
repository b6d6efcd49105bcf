import { parseConfiguration } from '../../edge/configuration.ts';
import { ModelError } from '../../edge/errors.ts';
import { followAlias } from '../../edge/model/alias-follower.ts';
import type { LoadedModel } from '../../edge/model/loaded-model.ts';
import { openModelCache } from '../../edge/model/model-cache.ts';
import { bucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { ObjectStore } from '../../shared/registry/object-store.ts';
import type { AliasReport, AliasSimulation } from './alias-report.ts';

const before = '20261124T100000Z-00000000';
const after = '20261124T110000Z-11111111';

/** The size of the default model, and the Worker's default limit for models in memory. */
const weightBytes = 2_752_552;
const megabytes = 24;

/** The time before the alias moves. */
const movedAt = 30_000;
/** Isolates are watched until all have had many requests since. */
const requestsAfter = 12;

/**
 * Runs the Worker's own follower in many isolates, each with a simulated clock and bucket, and
 * moves the alias.
 *
 * @param random in [0, 1)
 * @param settle resolves when every promise that can continue has
 */
export async function simulateAlias(
  simulation: AliasSimulation,
  random: () => number,
  settle: () => Promise<void>,
): Promise<AliasReport> {
  const { requestsPerSecond, isolates } = simulation;
  const { pollMilliseconds } = parseConfiguration({});
  const firstNew: number[] = [];
  let lastOldAnswer = 0;
  let reads = 0;
  let minutes = 0;
  let late = 0;
  for (let isolate = 0; isolate < isolates; isolate++) {
    const ran = await runIsolate(simulation, pollMilliseconds, random, settle);
    firstNew.push(ran.firstNew);
    lastOldAnswer = Math.max(lastOldAnswer, ran.lastOld);
    reads += ran.reads;
    minutes += ran.minutes;
    if (ran.lastOld > ran.promised) late++;
  }
  const sorted = firstNew.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0) / 1000;
  return {
    requestsPerSecond,
    pollSeconds: pollMilliseconds / 1000,
    readsPerIsolatePerMinute: reads / minutes,
    firstNewAnswer: { median: at(0.5), p99: at(0.99), last: at(1) },
    lastOldAnswer: lastOldAnswer / 1000,
    late,
  };
}

async function runIsolate(
  { requestsPerSecond, aliasRead, versionLoad }: AliasSimulation,
  pollMilliseconds: number,
  random: () => number,
  settle: () => Promise<void>,
) {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  let longestRead = 0;
  let longestLoad = 0;
  let reads = 0;
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const wait = (milliseconds: number) =>
    new Promise<void>((run) => timers.push({ at: now + milliseconds, run }));
  const takes = async ({ least, meanFurther }: { least: number; meanFurther: number }) => {
    const duration = least + exponential(meanFurther);
    await wait(duration);
    return duration;
  };
  const read = async (etag: string | null) => {
    reads++;
    // The bucket reads the alias half way between request and answer.
    const duration = aliasRead.least + exponential(aliasRead.meanFurther);
    longestRead = Math.max(longestRead, duration);
    await wait(duration / 2);
    const version = now >= movedAt ? after : before;
    await wait(duration / 2);
    if (etag === version) return 'unchanged' as const;
    const alias = { version, updatedAt: '2026-11-24T11:00:00.000Z', previous: null };
    return { bytes: new TextEncoder().encode(JSON.stringify(alias)), etag: version };
  };
  const store = {
    get: () => read(null),
    getIfChanged: (_: string, etag: string) => read(etag),
  } as unknown as ObjectStore;
  const source = { store, layout: bucketLayout(), name: 'fashion-mnist-cnn', publicKeys: [] };
  const models = openModelCache({
    ...source,
    openLoader: async () => async (_, version) => {
      longestLoad = Math.max(longestLoad, await takes(versionLoad));
      return { version, bytes: weightBytes, dispose() {} } as unknown as LoadedModel;
    },
    maxModelBytes: megabytes * 1_000_000,
    now: () => now,
  });
  const follower = followAlias({
    ...source,
    alias: 'production',
    models,
    keepInMemory: true,
    pollMilliseconds,
    now: () => now,
    aliasMissing: () => new ModelError('no_model', 'no alias'),
  });
  const background = { waitUntil() {} };
  const end = movedAt + (requestsAfter / requestsPerSecond) * 1000 + 20_000;
  let longestGap = 0;
  let firstNew = Number.POSITIVE_INFINITY;
  let lastOld = 0;
  let arrival = exponential(1000 / requestsPerSecond);
  while (now < end) {
    const timer = timers.reduce<{ at: number; run: () => void } | null>(
      (first, other) => (first && first.at <= other.at ? first : other),
      null,
    );
    if (timer && timer.at <= arrival) {
      now = timer.at;
      timers = timers.filter((other) => other !== timer);
      timer.run();
    } else {
      now = arrival;
      const gap = exponential(1000 / requestsPerSecond);
      longestGap = Math.max(longestGap, gap);
      arrival = now + gap;
      void follower.ready(background).then(({ version }) => {
        if (version === after) firstNew = Math.min(firstNew, now - movedAt);
        else lastOld = Math.max(lastOld, now - movedAt);
      });
    }
    await settle();
  }
  const promised = pollMilliseconds + longestGap + 2 * longestRead + longestLoad;
  return { firstNew, lastOld, reads, minutes: now / 60_000, promised };
}
