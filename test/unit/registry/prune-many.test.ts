import { expect, inject, it } from 'vitest';
import { prune } from '../../../trainer/registry/prune.ts';
import { toJsonBytes } from '../../../trainer/registry/read-json.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

it('prune deletes many versions with few requests, in time', { timeout: 600_000 }, async () => {
  const count = inject('whole') ? 1000 : 60;
  const name = 'many';
  const bucket = openLocalBucket();
  const { layout } = bucket;
  const options = { contentType: 'application/octet-stream' };
  const versions = Array.from(
    { length: count },
    (_, index) => `20260101T000000Z-${index.toString(16).padStart(8, '0')}`,
  );
  for (let at = 0; at < count; at += 20) {
    const keys = versions
      .slice(at, at + 20)
      .flatMap((version) =>
        ['weights.bin', 'model.json', 'manifest.json'].map((file) =>
          layout.versionFile(name, version, file),
        ),
      );
    await Promise.all(keys.map((key) => bucket.put(key, new Uint8Array(100), options)));
  }
  const [version = ''] = versions;
  const alias = { version, updatedAt: new Date().toISOString(), previous: null };
  await bucket.put(layout.alias(name, 'production'), toJsonBytes(alias), options);

  const started = performance.now();
  const now = new Date(Date.now() + 48 * 60 * 60 * 1000);
  const pruned = await prune(bucket, { name, keep: 0, dryRun: false, now });
  const seconds = (performance.now() - started) / 1000;
  console.info(`${count} versions: ${seconds.toFixed(1)} s`);
  expect(pruned.versions).toHaveLength(count - 1);
  expect(pruned.named).toEqual([version]);
  expect(await bucket.listAll(layout.versions(name))).toHaveLength(3);
  expect(seconds).toBeLessThan(20);
});
