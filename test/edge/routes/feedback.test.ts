import { beforeAll, expect, it } from 'vitest';
import { openBucket } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
let predicted: Answer;

beforeAll(async () => {
  await bucket.moveAlias(await bucket.publish('one'));
  await bucket.uploadTestSet();
  app = openApp(bucket, {}, { FEEDBACK: 'open' });
  predicted = await app.json('/predict?index=0');
});

const tell = (body: string) =>
  app.request('/feedback', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });

it('refuses JSON nested deeper than any image, like POST /predict', async () => {
  const deep = `${'['.repeat(50_000)}0${']'.repeat(50_000)}`;
  const row = `[${Array(27).fill(0)},${deep}]`;
  const pixels = `[${Array(27).fill(`[${Array(28).fill(0)}]`)},${row}]`;
  const response = await tell(`{"id": "${predicted.id}", "label": 1, "pixels": ${pixels}}`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'bad_json' });
  // The Worker accepts the next one.
  expect((await tell(JSON.stringify({ id: predicted.id, label: 1, index: 0 }))).status).toBe(201);
});
