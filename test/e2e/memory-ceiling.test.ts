/** The peak memory of workerd, and its CPU time, during the worst request of each kind, one and sixteen at once. A Worker's isolate has 128 MB. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { residentBytes } from '../bench/edge/measure-memory.ts';
import { prepareTarget, type Target } from '../fuzz/open-target.ts';
import {
  type Answered,
  cpuMilliseconds,
  forgetPeak,
  peakBytes,
  send,
} from '../support/hostile/measure.ts';
import { type HostileRequest, hostileRequests } from '../support/hostile/requests.ts';
import { sample } from '../support/vitest/sample.ts';

const maxBytesAboveIdle = 128e6;
/** The CPU time of one answer. */
const maxMilliseconds = 1000;

const lines: string[] = [];

let folder: string;
let start: (withAssets: boolean) => Promise<Target>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-ceiling-'));
  start = await prepareTarget(folder);
});
afterAll(async () => {
  // Vitest hides the output of tests that pass.
  process.stdout.write(`${lines.join('\n')}\n`);
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(process.platform !== 'linux')('stays below 128 MB above idle', () => {
  const kinds = sample(Object.entries(hostileRequests), 4);
  it.each(kinds)('%s', async (name, make) => {
    const target = await start(false);
    try {
      await warmUp(target);
      const request = await make();
      const idle = await residentBytes(target.process ?? '');
      for (const count of [1, 16]) {
        const { answers, peak, used } = await measure(target, name, request, count, idle);
        expect(answers.filter((answer) => !isDocumented(answer))).toEqual([]);
        if (count === 1)
          expect(await leastTime(target, request, used)).toBeLessThan(maxMilliseconds);
        expect(peak, `${count} at once`).toBeLessThan(maxBytesAboveIdle);
      }
    } finally {
      await target.close();
    }
  });
});

async function warmUp(target: Target): Promise<void> {
  const good: HostileRequest = {
    path: '/predict?alias=production',
    type: 'application/octet-stream',
    body: new Uint8Array(784),
  };
  for (let i = 0; i < 50; i++) expect((await send(target.url, good)).status).toBe(200);
  await target.memory();
}

/** @param idle the process's memory before, in bytes */
async function measure(
  { url, process: id }: Target,
  name: string,
  request: HostileRequest,
  count: number,
  idle: number,
) {
  const process = id ?? '';
  await forgetPeak(process);
  const cpu = await cpuMilliseconds(process);
  const answers = await Promise.all(Array.from({ length: count }, () => send(url, request)));
  const used = (await cpuMilliseconds(process)) - cpu;
  const peak = (await peakBytes(process)) - idle;
  const longest = Math.max(...answers.map(({ milliseconds }) => milliseconds));
  const statuses = Map.groupBy(answers, ({ status }) => status);
  const counts = Array.from(statuses, ([status, { length }]) => `${length} x ${status}`).join(', ');
  lines.push(
    `${name}, ${count} at once: peak ${(peak / 1e6).toFixed(0)} MB above idle, CPU ${used} ms, longest answer ${longest.toFixed(0)} ms; ${counts}`,
  );
  return { answers, peak, used };
}

/** @returns the least CPU time of up to three answers: a busy machine makes one slow, a slow request all of them */
async function leastTime({ url, process: id }: Target, request: HostileRequest, first: number) {
  let least = first;
  for (let attempt = 1; attempt < 3 && least >= maxMilliseconds; attempt++) {
    const before = await cpuMilliseconds(id ?? '');
    await send(url, request);
    least = Math.min(least, (await cpuMilliseconds(id ?? '')) - before);
  }
  return least;
}

/** The valid answers to a request that is too expensive: a prediction, a problem of the request, or `busy`. */
function isDocumented({ status, body }: Answered): boolean {
  return [200, 400, 413, 422].includes(status) || (status === 503 && body.includes('busy'));
}
