import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { VersionNotFoundError } from '../../../trainer/registry/errors.ts';
import { prune } from '../../../trainer/registry/prune.ts';
import { downloadVersion, listStored } from '../../../trainer/registry/versions.ts';
import {
  aliasOf,
  json,
  move,
  name,
  publish,
  withVersions,
} from '../../support/models/small-versions.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

describe('prune', () => {
  const twoDaysLater = () => new Date(Date.now() + 48 * 60 * 60 * 1000);
  const orphan = '20261101T000000Z-0badf00d';

  it('deletes old versions and orphans, but nothing that an alias names', async () => {
    const { bucket, versions } = await withVersions([0.5, 0.6, 0.7, 0.8, 0.9, 0.95]);
    const [a, b, c, d, e, f] = versions as [string, string, string, string, string, string];
    const [g] = (await publish(bucket, [0.1])).map(({ version }) => version);
    await move(bucket, b, { alias: 'candidate' });
    await bucket.put(
      bucket.layout.versionFile(name, orphan, 'weights.bin'),
      new Uint8Array(9),
      json,
    );
    await bucket.put(`${bucket.layout.versions(name)}README.md`, new Uint8Array(9), json);

    const planned = await prune(bucket, { name, keep: 1, dryRun: true, now: twoDaysLater() });
    // f is served, and a rollback would return to e.
    expect(planned).toEqual({
      versions: [a, c, d],
      orphans: [orphan],
      named: [b, e, f],
      recent: [],
      kept: 4,
    });
    expect(await prune(bucket, { name, keep: 1, dryRun: false })).toEqual({
      versions: [],
      orphans: [],
      named: [b, e, f],
      recent: [a, c, d],
      kept: 7,
    });
    expect(await listStored(bucket, name)).toHaveLength(8);

    const later = await prune(bucket, { name, keep: 1, dryRun: false, now: twoDaysLater() });
    expect(later).toMatchObject({ versions: [a, c, d], orphans: [orphan], recent: [] });
    const left = await listStored(bucket, name);
    expect(left.map(({ version }) => version)).toEqual([b, e, f, g]);
    for (const { version } of left) await downloadVersion(bucket, name, version);
    expect(await bucket.get(`${bucket.layout.versions(name)}README.md`)).not.toBeNull();
    expect((await aliasOf(bucket))?.pruning).toEqual([]);
  });

  it('never deletes a version that is being promoted', async () => {
    const bucket = openLocalBucket();
    const versions = (await publish(bucket, [0.5, 0.6, 0.7, 0.8])).map(({ version }) => version);
    await move(bucket, versions[3] ?? '');
    for (const promoted of versions.slice(0, 3)) {
      const forced = { force: true, reason: 'a race' };
      const [pruned, moved] = await Promise.allSettled([
        prune(bucket, { name, keep: 1, dryRun: false, now: twoDaysLater() }),
        move(bucket, promoted, forced),
      ]);
      expect(pruned.status).toBe('fulfilled');
      // The promotion won, or the version was gone; its files may have been deleted during the download.
      if (moved.status === 'rejected') {
        expect(['VersionNotFoundError', 'CorruptVersionError']).toContain(moved.reason.name);
      }
      const current = await aliasOf(bucket);
      for (const version of [current?.version, current?.previous]) {
        if (version) expect(await downloadVersion(bucket, name, version)).not.toBeNull();
      }
    }
  });

  it('makes a late promotion fail because the version is being deleted', async () => {
    const { bucket, versions } = await withVersions([0.5, 0.6, 0.7]);
    let late: unknown;
    const watched: Bucket = {
      ...bucket,
      async deleteAll(keys) {
        late ??= await move(bucket, versions[0] ?? '', { force: true, reason: 'late' }).catch(
          (error) => error,
        );
        return bucket.deleteAll(keys);
      },
    };
    await prune(watched, { name, keep: 1, dryRun: false, now: twoDaysLater() });
    expect(late).toBeInstanceOf(VersionNotFoundError);
    expect(String(late)).toContain('being deleted');
  });

  it('is completed by the next prune if it was killed', async () => {
    const { bucket, versions } = await withVersions([0.5, 0.6, 0.7, 0.8]);
    for (let kill = 0; ; kill++) {
      let deletes = 0;
      const killed: Bucket = {
        ...bucket,
        deleteAll(keys) {
          if (deletes++ === kill) throw new Error('killed');
          return bucket.deleteAll(keys);
        },
      };
      const failed = await prune(killed, {
        name,
        keep: 1,
        dryRun: false,
        now: twoDaysLater(),
      }).catch(() => true);
      const current = await aliasOf(bucket);
      expect(await downloadVersion(bucket, name, current?.version ?? '')).not.toBeNull();
      if (failed !== true) break;
    }
    // Whatever --keep says now, a prune that was begun is completed.
    await prune(bucket, { name, keep: 100, dryRun: false, now: twoDaysLater() });
    const left = await listStored(bucket, name);
    expect(left.map(({ version }) => version)).toEqual(versions.slice(2));
    expect((await aliasOf(bucket))?.pruning).toEqual([]);
  });
});
