import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelError } from '../../../edge/errors.ts';
import { openFallbacks } from '../../../edge/model/fallback.ts';
import { StoreError } from '../../../shared/registry/object-store.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

const background = { waitUntil: () => {} };
const snapshot = async () => 'snapshot';
const missing = async (): Promise<string> => {
  throw new ModelError('no_model', 'Nothing is published.');
};

/** A bucket whose reads hang until it is repaired, and are given up after four seconds. */
function silentBucket() {
  let isSilent = true;
  const read = vi.fn(async () => {
    if (!isSilent) return 'bucket';
    await new Promise((resolve) => setTimeout(resolve, 4000));
    throw new StoreError('The bucket', 'get', 'alias', new Error('no answer within 4 s'));
  });
  return {
    read,
    become(state: 'silent' | 'up') {
      isSilent = state === 'silent';
    },
  };
}

const open = () => openFallbacks({ retryMilliseconds: 2000, now: Date.now });

/** @returns what answered, and after how many milliseconds */
async function timed<Result>(answer: Promise<Result>): Promise<[Result, number]> {
  const from = Date.now();
  let took: number | null = null;
  const answered = answer.finally(() => {
    took = Date.now() - from;
  });
  while (took === null) await vi.advanceTimersByTimeAsync(10);
  return [await answered, took];
}

describe('a bucket that never answers', () => {
  it('delays the first request by a second, and later ones not at all', async () => {
    const { read } = silentBucket();
    const choose = open()();
    expect(await timed(choose(read, snapshot, background))).toEqual(['snapshot', 1000]);
    for (let second = 0; second < 30; second++) {
      expect(await timed(choose(read, snapshot, background))).toEqual(['snapshot', 0]);
      await vi.advanceTimersByTimeAsync(1000);
    }
    // One read at a time, of four seconds, and two seconds between them.
    expect(read.mock.calls.length).toBeLessThanOrEqual(6);
  });

  it('delays a request that makes several choices only once', async () => {
    const { read } = silentBucket();
    const openFallback = open();
    const [canary, main] = [openFallback(), openFallback()];
    const both = async () => {
      await canary(read, snapshot, background);
      return main(read, snapshot, background);
    };
    expect(await timed(both())).toEqual(['snapshot', 1000]);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('answers within one read and one interval of its return', async () => {
    const { read, become } = silentBucket();
    const choose = open()();
    await timed(choose(read, snapshot, background));
    become('up');
    const from = Date.now();
    while ((await timed(choose(read, snapshot, background)))[0] === 'snapshot') {
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(Date.now() - from).toBeLessThanOrEqual(4000 + 2000 + 100);
  });

  it('although it has answered before, delays requests that need it by a second', async () => {
    const { read, become } = silentBucket();
    const choose = open()();
    become('up');
    expect(await timed(choose(read, snapshot, background))).toEqual(['bucket', 0]);
    become('silent');
    expect(await timed(choose(read, snapshot, background))).toEqual(['snapshot', 1000]);
    expect(await timed(choose(read, snapshot, background))).toEqual(['snapshot', 0]);
    expect(read).toHaveBeenCalledTimes(3);
    become('up');
    await vi.advanceTimersByTimeAsync(6000);
    expect(await timed(choose(read, snapshot, background))).toEqual(['snapshot', 0]);
    expect(await timed(choose(read, snapshot, background))).toEqual(['bucket', 0]);
  });

  it('is waited for if the snapshot lacks what a request asks for', async () => {
    const { read } = silentBucket();
    const failing = timed(open()()(read, missing, background).catch((error) => error));
    expect(await failing).toEqual([expect.any(StoreError), 4000]);
  });
});

it("answers the request that finds a bucket's first version", async () => {
  const choose = open()();
  expect(await timed(choose(missing, snapshot, background))).toEqual(['snapshot', 0]);
  await vi.advanceTimersByTimeAsync(2000);
  const loads = async () => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    return 'bucket';
  };
  expect(await timed(choose(loads, snapshot, background))).toEqual(['bucket', 800]);
});
