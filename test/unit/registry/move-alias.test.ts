import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../../shared/registry/manifest.ts';
import { readAlias } from '../../../trainer/registry/aliases.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { RegistryError } from '../../../trainer/registry/errors.ts';
import { type AliasMove, moveAlias } from '../../../trainer/registry/move-alias.ts';
import {
  publishVersion,
  type VersionToPublish,
} from '../../../trainer/registry/publish-version.ts';
import { toJsonBytes } from '../../../trainer/registry/read-json.ts';
import { readManifest } from '../../../trainer/registry/versions.ts';
import { trainedModel } from '../../support/models/trained-model.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

const name = 'fashion-mnist-cnn';
const alias = 'production';
let version: VersionToPublish;

beforeAll(async () => {
  version = await trainedModel(1, 0.9);
});

let minute = 0;

/** Versions of the same weights, each a minute later than the one before. */
async function publish(
  bucket: Bucket,
  accuracies: number[],
  changes: Partial<VersionToPublish> = {},
) {
  const manifests: Manifest[] = [];
  for (const accuracy of accuracies) {
    const now = new Date(Date.UTC(2026, 10, 24, 12, minute++));
    const metrics = { ...version.metrics, accuracy };
    const training = { ...version.training, seconds: minute };
    manifests.push(
      await publishVersion(bucket, { ...version, metrics, training, now, ...changes }),
    );
  }
  return manifests as [Manifest, Manifest, ...Manifest[]];
}

const move = (bucket: Bucket, { version }: Manifest, changes: Partial<AliasMove> = {}) =>
  moveAlias(bucket, { name, alias, version, action: 'publish', by: 'ada@test', ...changes });

/** The manifest of the version that the alias names. */
async function served(bucket: Bucket) {
  const pointer = await readAlias(bucket, name, alias);
  return pointer && readManifest(bucket, name, pointer.value.version);
}

describe('moveAlias with keys', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const another = generateKeyPairSync('ed25519');

  test('moves only to a version that the key signed', async () => {
    const bucket = openLocalBucket();
    const [unsigned] = await publish(bucket, [0.9]);
    const [signed] = await publish(bucket, [0.91], { signingKey: privateKey });
    for (const keys of [{ signingKey: privateKey }, { requiredKey: publicKey }]) {
      await expect(move(bucket, unsigned, keys)).rejects.toThrow('is not signed');
    }
    const requiredKey = another.publicKey;
    await expect(move(bucket, signed, { requiredKey })).rejects.toThrow('by another key');
    expect(await served(bucket)).toBeNull();
    await move(bucket, signed, { requiredKey: publicKey });
    expect((await served(bucket))?.version).toBe(signed.version);
  });

  test('signs the alias, also one that already names the version, and never goes back in time', async () => {
    const bucket = openLocalBucket();
    const [first, second] = await publish(bucket, [0.9, 0.91], { signingKey: privateKey });
    const record = async () => (await readAlias(bucket, name, alias))?.value;
    await move(bucket, first, { now: new Date('2026-11-24T12:00:00Z') });
    expect((await record())?.signature).toBeUndefined();
    const result = await move(bucket, first, { signingKey: privateKey });
    expect(result.outcome).toBe('unchanged');
    const before = await record();
    expect(before?.signature).toMatch(/^[A-Za-z0-9+/]{86}==$/);
    // The clock of this publisher is behind.
    await move(bucket, second, { signingKey: privateKey, now: new Date('2026-11-24T11:00:00Z') });
    const after = await record();
    expect(after?.signature).not.toBe(before?.signature);
    expect(Date.parse(after?.updatedAt ?? '')).toBeGreaterThan(Date.parse('2026-11-24T12:00:00Z'));
  });
});

describe('moveAlias', () => {
  test('creates the alias, then moves it to a model that is as good or better', async () => {
    const bucket = openLocalBucket();
    const [first, equal, better] = await publish(bucket, [0.9, 0.9, 0.91]);
    expect(await served(bucket)).toBeNull();
    for (const [manifest, previous] of [
      [first, null],
      [equal, first.version],
      [better as Manifest, equal.version],
    ] as const) {
      const result = await move(bucket, manifest);
      expect(result).toMatchObject({
        outcome: 'moved',
        alias: { version: manifest.version, previous },
      });
      expect(await served(bucket)).toEqual(manifest);
    }
  });

  test('keeps a more accurate model, except by force', async () => {
    const bucket = openLocalBucket();
    const [good, worse] = await publish(bucket, [0.91, 0.9]);
    await move(bucket, good);
    expect(await move(bucket, worse)).toMatchObject({
      outcome: 'kept',
      reason: 'less-accurate',
      currentAccuracy: 0.91,
      newAccuracy: 0.9,
      alias: { version: good.version },
    });
    expect(await served(bucket)).toEqual(good);
    const forced = await move(bucket, worse, { force: true, reason: 'a try' });
    expect(forced.outcome).toBe('moved');
    expect(await served(bucket)).toEqual(worse);
  });

  test('keeps the current model if the new one was measured on other data', async () => {
    const bucket = openLocalBucket();
    const [current] = await publish(bucket, [0.8]);
    const dataset = { name: 'fashion-mnist', files: { other: 'f'.repeat(64) } };
    const [other] = await publish(bucket, [0.95], { dataset });
    await move(bucket, current);
    expect(await move(bucket, other)).toMatchObject({
      outcome: 'kept',
      reason: 'other-dataset',
    });
  });

  test('does not change an alias that already names the version', async () => {
    const bucket = openLocalBucket();
    const [first] = await publish(bucket, [0.9]);
    const moved = await move(bucket, first);
    expect(await move(bucket, first)).toEqual({
      outcome: 'unchanged',
      alias: moved.alias,
    });
  });

  test('moves away from a deleted version', async () => {
    const bucket = openLocalBucket();
    const [first] = await publish(bucket, [0.1]);
    const lost = {
      version: '20200101T000000Z-00000000',
      updatedAt: '2020-01-01T00:00:00Z',
      previous: null,
    };
    await bucket.put(bucket.layout.alias(name, alias), toJsonBytes(lost), {
      contentType: 'application/json',
    });
    expect(await served(bucket)).toBeNull();
    expect((await move(bucket, first)).outcome).toBe('moved');
  });

  test.each([2, 8])('loses no move of %i concurrent publishers', async (publishers) => {
    const bucket = openLocalBucket();
    const accuracies = Array.from({ length: publishers }, (_, i) => 0.5 + i / 100);
    const manifests = await publish(bucket, accuracies);
    const results = await Promise.all(manifests.map((manifest) => move(bucket, manifest)));
    const best = manifests.at(-1) as Manifest;
    expect(await served(bucket)).toEqual(best);

    // Every move that was reported is one link of the history that the alias went through.
    const previousOf = new Map(
      results
        .filter((result) => result.outcome === 'moved')
        .map((result) => [result.alias.version, result.alias.previous]),
    );
    let link: string | null = (await readAlias(bucket, name, alias))?.value.version ?? null;
    let links = 0;
    for (; link !== null; link = previousOf.get(link) ?? null) links++;
    expect(links).toBe(previousOf.size);
    for (const result of results) {
      if (result.outcome === 'kept') {
        expect(result.newAccuracy).toBeLessThan(result.currentAccuracy ?? 0);
      }
    }
  });

  test('compares again if another publisher moved the alias meanwhile', async () => {
    const bucket = openLocalBucket();
    const [first, mine, theirs] = await publish(bucket, [0.9, 0.91, 0.92]);
    await move(bucket, first);
    let overtaken = false;
    const slow: Bucket = {
      ...bucket,
      async put(key, bytes, options) {
        if (!overtaken) {
          overtaken = true;
          await move(bucket, theirs as Manifest);
        }
        return bucket.put(key, bytes, options);
      },
    };
    const result = await move(slow, mine);
    expect(result).toMatchObject({ outcome: 'kept', currentAccuracy: 0.92, newAccuracy: 0.91 });
    expect(await served(bucket)).toEqual(theirs);
  });

  test('gives up if others move the alias every time', async () => {
    const bucket = openLocalBucket();
    const [first, mine] = await publish(bucket, [0.9, 0.91]);
    await move(bucket, first);
    const contended: Bucket = {
      ...bucket,
      async put(key, bytes, options) {
        const updatedAt = new Date(Date.UTC(2026, 10, 25, 0, minute++)).toISOString();
        const touched = { version: first.version, updatedAt, previous: null };
        await bucket.put(key, toJsonBytes(touched), { contentType: 'application/json' });
        return bucket.put(key, bytes, options);
      },
    };
    const moving = move(contended, mine);
    await expect(moving).rejects.toBeInstanceOf(RegistryError);
    await expect(moving).rejects.toThrow('20 times in a row');
    expect(await served(bucket)).toEqual(first);
  });

  test('names the alias that is invalid', async () => {
    const bucket = openLocalBucket();
    const [first] = await publish(bucket, [0.9]);
    const key = bucket.layout.alias(name, alias);
    await bucket.put(key, new TextEncoder().encode('{'), { contentType: 'application/json' });
    await expect(move(bucket, first)).rejects.toThrow(key);
  });
});
