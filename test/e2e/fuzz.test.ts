/** A fixed sample of `npm run test:fuzz`: requests of every kind against the Worker as it is deployed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { fuzzRoutes } from '../fuzz/fuzz-routes.ts';
import { openTarget, type Target } from '../fuzz/open-target.ts';
import { readMaterial } from '../fuzz/read-material.ts';

const requests = inject('whole') ? 200 : 60;
const seed = 20261124;

let folder: string;
let target: Target;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-fuzz-'));
  target = await openTarget(folder, true);
});
afterAll(async () => {
  await target?.close();
  await rm(folder, { recursive: true, force: true });
});

it('answers any request as documented, and the next valid one correctly', async () => {
  const tried: number[] = [];
  const onProgress = (count: number) => void tried.push(count);
  const material = await readMaterial();
  const { statuses } = await fuzzRoutes(target, material, { requests, seed, onProgress });
  expect(tried).toHaveLength(requests);
  // Both valid and invalid requests were generated.
  expect(statuses).toMatchObject({ 200: expect.any(Number), 400: expect.any(Number) });
});

it.each([
  ['POST', '/predict', 22, 413],
  ['POST', '/nowhere', 12, 404],
  ['PUT', '/predict', 12, 405],
])(
  'reads %s %s with %i MiB to its end before it refuses',
  async (method, path, mebibytes, status) => {
    const body = new Uint8Array(mebibytes * 2 ** 20);
    for (let time = 0; time < 5; time++) {
      const answer = await fetch(new URL(path, target.url), { method, body });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      await answer.body?.cancel();
    }
  },
);
