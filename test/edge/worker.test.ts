import { env, exports } from 'cloudflare:workers';
import { expect, it, vi } from 'vitest';
import { variablesSchema } from '../../edge/configuration.ts';
import { openBucket } from '../support/edge/bucket.ts';

// The whole Worker as wrangler.jsonc configures it: its own clock, its own binding, and defaults for all variables.
it('needs no variables', () => {
  const names = Object.keys(variablesSchema.shape);
  expect(Object.keys(env).filter((name) => names.includes(name))).toEqual([]);
});

it('answers with the starter model, and serves the first and the next one without a restart', async () => {
  const get = async (path: string) => {
    const response = await exports.default.fetch(`http://catwalk.test${path}`);
    // biome-ignore lint/suspicious/noExplicitAny: compared below.
    return { status: response.status, body: (await response.json()) as any };
  };
  expect(await get('/predict?index=0')).toMatchObject({
    status: 200,
    body: { index: 0, actual: { id: 9 }, model: { alias: 'production', source: 'snapshot' } },
  });

  const bucket = openBucket('');
  await bucket.uploadTestSet();
  const one = await bucket.publish('one');
  await bucket.moveAlias(one);
  const serves = (version: string) =>
    vi.waitFor(
      async () => expect((await get('/predict?index=0')).body.model.version).toBe(version),
      { timeout: 10_000 },
    );
  await serves(one);
  expect((await get('/predict?index=0')).body.model.source).toBeUndefined();

  const two = await bucket.publish('two');
  await bucket.moveAlias(two);
  await serves(two);
});
