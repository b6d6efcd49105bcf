import { generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { aliasSchema, type Manifest } from '../../../shared/registry/manifest.ts';
import { nextAlias, readAlias } from '../../../trainer/registry/aliases.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import {
  CorruptVersionError,
  RegistryError,
  VersionNotFoundError,
} from '../../../trainer/registry/errors.ts';
import { type AliasMove, moveAlias, rollBack } from '../../../trainer/registry/move-alias.ts';
import { prune } from '../../../trainer/registry/prune.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { toJsonBytes } from '../../../trainer/registry/read-json.ts';
import { readSigningKey } from '../../../trainer/registry/signature.ts';
import { downloadVersion, listStored, listVersions } from '../../../trainer/registry/versions.ts';
import { type SmallModel, smallModels } from '../../support/models/small-model.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

const alias = 'production';
const json = { contentType: 'application/json' };
let makeModel: (accuracy: number) => SmallModel;
let name: string;
beforeAll(async () => {
  makeModel = await smallModels();
  ({ name } = makeModel(0).spec);
});

let second = 0;

/** Versions, each a second later than the one before. */
async function publish(bucket: Bucket, accuracies: number[]): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const accuracy of accuracies) {
    const now = new Date(Date.UTC(2026, 10, 1, 0, 0, second++));
    manifests.push(await publishVersion(bucket, { ...makeModel(accuracy), now }));
  }
  return manifests;
}

const move = (bucket: Bucket, version: string, changes: Partial<AliasMove> = {}) =>
  moveAlias(bucket, { name, alias, version, action: 'promote', by: 'ada@test', ...changes });

/** A bucket with as many versions, the alias moved to each in turn. */
async function withVersions(accuracies: number[]) {
  const bucket = openLocalBucket();
  const versions = (await publish(bucket, accuracies)).map(({ version }) => version);
  for (const version of versions) await move(bucket, version);
  return { bucket, versions };
}

const aliasOf = async (bucket: Bucket) => (await readAlias(bucket, name, alias))?.value;

const damage = (bucket: Bucket, version: string) =>
  bucket.put(bucket.layout.versionFile(name, version, 'weights.bin'), new Uint8Array(9), json);

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

describe('a signature', () => {
  const ours = generateKeyPairSync('ed25519');
  const another = generateKeyPairSync('ed25519');

  it('covers the exact bytes of the manifest, and can be added later', async () => {
    const bucket = openLocalBucket();
    const model = makeModel(0.9);
    const { version } = await publishVersion(bucket, model);
    expect((await listStored(bucket, name))[0]?.signed).toBe(false);
    const signed = await publishVersion(bucket, { ...model, signingKey: ours.privateKey });
    expect(signed.version).toBe(version);
    const manifest = await bucket.get(bucket.layout.manifest(name, version));
    const signature = await bucket.get(bucket.layout.signature(name, version));
    if (!manifest || !signature) throw new Error('One of them is absent.');
    expect(verify(null, manifest.bytes, ours.publicKey, signature.bytes)).toBe(true);
    expect(verify(null, manifest.bytes, another.publicKey, signature.bytes)).toBe(false);
    const again = publishVersion(bucket, { ...model, signingKey: another.privateKey });
    await expect(again).rejects.toThrow(RegistryError);
  });

  it('needs a valid private key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catwalk-keys-'));
    const file = join(folder, 'key.pem');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    for (const [pem, cause] of [
      [null, "can't be read"],
      ['my secret', 'is not a private key'],
      [ours.publicKey.export({ type: 'spki', format: 'pem' }), 'is not a private key'],
      [rsa.export({ type: 'pkcs8', format: 'pem' }), 'rsa'],
    ] as const) {
      if (pem) await writeFile(file, pem);
      const error = await readSigningKey(file).catch((reason) => reason);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error.message).toContain(cause);
      expect(error.message).not.toContain('my secret');
    }
    await writeFile(file, ours.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect((await readSigningKey(file)).asymmetricKeyType).toBe('ed25519');
    await rm(folder, { recursive: true });
  });
});
