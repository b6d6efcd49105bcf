import { describe, expect, it } from 'vitest';
import { aliasSchema } from '../../../shared/registry/manifest.ts';
import { nextAlias } from '../../../trainer/registry/aliases.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import {
  CorruptVersionError,
  RegistryError,
  VersionNotFoundError,
} from '../../../trainer/registry/errors.ts';
import { rollBack } from '../../../trainer/registry/move-alias.ts';
import { toJsonBytes } from '../../../trainer/registry/read-json.ts';
import { listVersions } from '../../../trainer/registry/versions.ts';
import {
  alias,
  aliasOf,
  damage,
  json,
  move,
  name,
  publish,
  withVersions,
} from '../../support/models/small-versions.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

describe('a move', () => {
  it('is recorded in the history: when, to which version, by whom, and why it was forced', async () => {
    const { bucket, versions } = await withVersions([0.9]);
    const [worse] = await publish(bucket, [0.8]);
    const now = new Date('2026-11-24T12:00:00Z');
    const forced = { force: true, reason: 'the newer camera', by: 'grace@lab', now };
    await move(bucket, worse?.version ?? '', forced);
    expect((await aliasOf(bucket))?.history).toMatchObject([
      { revision: 1, from: null, version: versions[0], by: 'ada@test', forced: false },
      {
        revision: 2,
        from: versions[0],
        version: worse?.version,
        action: 'promote',
        by: 'grace@lab',
        forced: true,
        reason: 'the newer camera',
        at: now.toISOString(),
      },
    ]);
  });

  it('allows the configured loss of accuracy', async () => {
    const { bucket } = await withVersions([0.91]);
    const [slightly, much] = await publish(bucket, [0.9, 0.89]);
    const tolerance = 0.01;
    expect(await move(bucket, slightly?.version ?? '')).toMatchObject({ outcome: 'kept' });
    expect(await move(bucket, slightly?.version ?? '', { tolerance })).toMatchObject({
      outcome: 'moved',
    });
    await move(bucket, (await publish(bucket, [0.91]))[0]?.version ?? '');
    expect(await move(bucket, much?.version ?? '', { tolerance })).toMatchObject({
      outcome: 'kept',
      reason: 'less-accurate',
    });
  });

  it.each([{}, { force: true, reason: 'a try' }])(
    'is refused for a missing or corrupt version: %j',
    async (changes) => {
      const { bucket, versions } = await withVersions([0.5]);
      const [damaged] = await publish(bucket, [0.9]);
      await damage(bucket, damaged?.version ?? '');
      const toDamaged = move(bucket, damaged?.version ?? '', changes);
      await expect(toDamaged).rejects.toBeInstanceOf(CorruptVersionError);
      const toAbsent = move(bucket, '20200101T000000Z-00000000', changes);
      await expect(toAbsent).rejects.toBeInstanceOf(VersionNotFoundError);
      expect((await aliasOf(bucket))?.version).toBe(versions[0]);
    },
  );

  it('that is forced does not overwrite a concurrent move, and reports it', async () => {
    const { bucket, versions } = await withVersions([0.9]);
    const [mine, theirs] = await publish(bucket, [0.7, 0.91]);
    const slow: Bucket = {
      ...bucket,
      async put(key, bytes, options) {
        await move(bucket, theirs?.version ?? '', { by: 'grace@lab' });
        return bucket.put(key, bytes, options);
      },
    };
    const result = await move(slow, mine?.version ?? '', { force: true, reason: 'a try' });
    expect(result).toMatchObject({ outcome: 'kept', reason: 'overtaken' });
    expect((await aliasOf(bucket))?.previous).toBe(versions[0]);
    expect(result.alias.history.at(-1)).toMatchObject({ by: 'grace@lab' });
  });

  it('whose answer is lost is recognized as its own', async () => {
    const { bucket } = await withVersions([0.9]);
    const [better] = await publish(bucket, [0.91]);
    // The server performs it, but the client gets no answer and retries.
    const lossy: Bucket = {
      ...bucket,
      async put(key, bytes, options) {
        await bucket.put(key, bytes, options);
        return bucket.put(key, bytes, options);
      },
    };
    const result = await move(lossy, better?.version ?? '');
    expect(result.outcome).toBe('moved');
    expect((await aliasOf(bucket))?.history).toHaveLength(2);
  });

  it('keeps the last hundred moves', () => {
    const now = new Date('2026-11-24T12:00:00Z');
    const version = (count: number) => `20261124T120000Z-${String(count).padStart(8, '0')}`;
    let current: ReturnType<typeof nextAlias> | null = null;
    for (let count = 1; count <= 105; count++) {
      const previous = current?.version ?? null;
      const to = { version: version(count), previous, by: 'ada', action: 'publish' } as const;
      current = nextAlias(current, { ...to, forced: false }, now);
    }
    expect(current?.history).toHaveLength(100);
    expect(current?.history[0]?.revision).toBe(6);
    expect(current?.history.at(-1)).toMatchObject({ revision: 105, from: version(104) });
  });
});

describe('rollBack', () => {
  it('returns to the version before, and repeated to the one before that', async () => {
    const { bucket, versions } = await withVersions([0.7, 0.8, 0.9]);
    const [first, middle] = versions;
    const back = { name, alias, by: 'ada@test', reason: 'too many shirts' };
    expect(await rollBack(bucket, back)).toMatchObject({ version: middle, previous: first });
    expect(await rollBack(bucket, back)).toMatchObject({ version: first, previous: null });
    await expect(rollBack(bucket, back)).rejects.toThrow(RegistryError);
    expect((await aliasOf(bucket))?.history.map(({ action }) => action)).toEqual([
      'promote',
      'promote',
      'promote',
      'rollback',
      'rollback',
    ]);
  });

  it('does not undo a concurrent move of another publisher', async () => {
    const { bucket, versions } = await withVersions([0.7, 0.8]);
    const [theirs] = await publish(bucket, [0.9]);
    const slow: Bucket = {
      ...bucket,
      async put(key, bytes, options) {
        await move(bucket, theirs?.version ?? '', { by: 'grace@lab' });
        return bucket.put(key, bytes, options);
      },
    };
    const rolling = rollBack(slow, { name, alias, by: 'ada@test' });
    await expect(rolling).rejects.toThrow(/grace@lab/);
    expect(await aliasOf(bucket)).toMatchObject({
      version: theirs?.version,
      previous: versions[1],
    });
  });

  it('does nothing if the version before is corrupt or missing', async () => {
    const { bucket, versions } = await withVersions([0.7, 0.8]);
    await damage(bucket, versions[0] ?? '');
    const back = { name, alias, by: 'ada@test' };
    await expect(rollBack(bucket, back)).rejects.toThrow(CorruptVersionError);
    await bucket.delete(bucket.layout.manifest(name, versions[0] ?? ''));
    await expect(rollBack(bucket, back)).rejects.toThrow(VersionNotFoundError);
    expect((await aliasOf(bucket))?.version).toBe(versions[1]);
    await expect(rollBack(bucket, { ...back, alias: 'candidate' })).rejects.toThrow(/candidate/);
  });

  it('and moves continue from an alias without history', async () => {
    const bucket = openLocalBucket();
    const [first, second, third] = await publish(bucket, [0.7, 0.8, 0.9]);
    const old = { version: second?.version, updatedAt: '2026-11-24T12:00:00Z' };
    const bytes = toJsonBytes({ ...old, previous: first?.version });
    expect(aliasSchema.parse(JSON.parse(new TextDecoder().decode(bytes)))).toMatchObject(old);
    await bucket.put(bucket.layout.alias(name, alias), bytes, json);
    await move(bucket, third?.version ?? '');
    const back = { name, alias, by: 'ada@test' };
    expect((await rollBack(bucket, back)).version).toBe(second?.version);
  });
});

it('lists versions, newest first, including one whose manifest is invalid', async () => {
  const { bucket, versions } = await withVersions([0.5, 0.6]);
  const broken = '20260101T000000Z-00000000';
  await bucket.put(bucket.layout.manifest(name, broken), new TextEncoder().encode('{'), json);
  await bucket.put(
    bucket.layout.versionFile(name, '20260102T000000Z-00000000', 'weights.bin'),
    new Uint8Array(1),
    json,
  );
  const listed = (await listVersions(bucket, name)).versions;
  expect(listed).toMatchObject([
    { version: versions[1], manifest: { metrics: { accuracy: 0.6 } }, aliases: [alias] },
    { version: versions[0], aliases: [], signed: false },
    { version: broken, manifest: null, fault: expect.stringContaining('invalid') },
  ]);
});
