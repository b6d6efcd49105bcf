import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, test } from 'vitest';
import { manifestSchema } from '../../../shared/registry/manifest.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { RegistryError } from '../../../trainer/registry/errors.ts';
import { modelFiles, publishVersion } from '../../../trainer/registry/publish-version.ts';
import { trainedModel } from '../../support/models/trained-model.ts';
import { openLocalBucket, recordWrites } from '../../support/s3/local-bucket.ts';

const noon = new Date('2026-11-24T12:00:00.500Z');
const name = 'fashion-mnist-cnn';

describe('publishVersion', () => {
  test('writes weights and topology, then a manifest with their hashes', async () => {
    const { bucket, written } = recordWrites(openLocalBucket());
    const version = await trainedModel(1, 0.91);
    const manifest = await publishVersion(bucket, { ...version, now: noon });

    expect(manifest.version).toMatch(/^20261124T120000Z-[0-9a-f]{8}$/);
    const key = (file: string) => bucket.layout.versionFile(name, manifest.version, file);
    expect(written).toEqual([key('weights.bin'), key('model.json'), key('manifest.json')]);
    expect(manifest.files.map((file) => file.path)).toEqual(['weights.bin', 'model.json']);
    expect(manifest.files[0]?.bytes).toBe(688_138 * 4);
    for (const file of manifest.files) {
      const bytes = (await bucket.get(key(file.path)))?.bytes as Uint8Array;
      expect(bytes.byteLength).toBe(file.bytes);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
    }
    const stored = await bucket.get(key('manifest.json'));
    const parsed = manifestSchema.parse(JSON.parse(new TextDecoder().decode(stored?.bytes)));
    expect(parsed).toEqual(manifest);
  });

  test('lists the evaluation in the manifest, apart from the files that a prediction needs', async () => {
    const bucket = openLocalBucket();
    const evaluation = new TextEncoder().encode('{}');
    const manifest = await publishVersion(bucket, {
      ...(await trainedModel(3, 0.91)),
      evaluation,
    });
    expect(manifest.evaluation).toMatchObject({ path: 'evaluation.json', bytes: 2 });
    expect(manifest.files.map((file) => file.path)).toEqual(['weights.bin', 'model.json']);
    const key = bucket.layout.versionFile(name, manifest.version, 'evaluation.json');
    expect((await bucket.get(key))?.bytes).toEqual(evaluation);
  });

  test('writes a folder that any TensorFlow.js program loads, with the same answers', async () => {
    const bucket = openLocalBucket();
    const version = await trainedModel(2, 0.91);
    const manifest = await publishVersion(bucket, version);
    const base = bucket.layout.versionFile(name, manifest.version, '');
    const loaded = await loadLayersModel(
      tf.io.http(`https://example.org/${base}model.json`, {
        fetchFunc: async (url) => {
          const stored = await bucket.get(new URL(String(url)).pathname.slice(1));
          return new Response(stored ? Buffer.from(stored.bytes) : null, {
            status: stored ? 200 : 404,
            headers: { 'content-type': 'application/json' },
          });
        },
      }),
    );
    const images = tf.randomUniform([2, 28, 28, 1], -1, 1, 'float32', 3);
    const expected = version.model.predict(images) as tf.Tensor;
    const answers = loaded.predict(images) as tf.Tensor;
    expect(answers.shape).toEqual([2, 10]);
    expect(Array.from(await answers.data())).toEqual(Array.from(await expected.data()));
  });

  test('publishes the same model once', async () => {
    const { bucket, written } = recordWrites(openLocalBucket());
    const version = await trainedModel(1, 0.91);
    const first = await publishVersion(bucket, { ...version, now: noon });
    const later = new Date(noon.getTime() + 60_000);
    expect(await publishVersion(bucket, { ...version, now: later })).toEqual(first);
    expect(written).toHaveLength(3);
  });

  test('resumes an upload that was interrupted between any two requests', async () => {
    const version = { ...(await trainedModel(1, 0.91)), now: noon };
    for (const writes of [0, 1, 2]) {
      const bucket = openLocalBucket();
      const cut = publishVersion(failAfter(bucket, writes), version);
      await expect(cut).rejects.toThrow('cut');
      const manifests = (await bucket.listAll(bucket.layout.versions(name))).filter(({ key }) =>
        key.endsWith('manifest.json'),
      );
      expect(manifests).toEqual([]);
      const manifest = await publishVersion(bucket, version);
      expect(await bucket.get(bucket.layout.manifest(name, manifest.version))).not.toBeNull();
    }
  });

  test('never rewrites a version', async () => {
    const bucket = openLocalBucket();
    const version = { ...(await trainedModel(1, 0.91)), now: noon };
    const first = await publishVersion(bucket, version);
    const key = bucket.layout.manifest(name, first.version);
    const stored = await bucket.get(key);
    const { metrics } = await trainedModel(1, 0.95);
    const clash = publishVersion(bucket, { ...version, metrics });
    await expect(clash).rejects.toBeInstanceOf(RegistryError);
    expect(await bucket.get(key)).toEqual(stored);
  });

  test('refuses artifacts without weights', async () => {
    const artifacts = { ...(await trainedModel(1, 0.91)).artifacts };
    delete artifacts.weightData;
    expect(() => modelFiles(artifacts)).toThrow(TypeError);
  });
});

function failAfter(bucket: Bucket, writes: number): Bucket {
  let left = writes;
  return {
    ...bucket,
    async putIfAbsent(key, bytes, options) {
      if (left-- === 0) throw new Error('cut');
      return bucket.putIfAbsent(key, bytes, options);
    },
  };
}
