import { env } from 'cloudflare:workers';
import { sha256 } from '../../../edge/store/published.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { versionOf } from '../../../shared/model/names.ts';
import { aliasStatement } from '../../../shared/registry/alias-statement.ts';
import { bucketLayout, type DatasetFile } from '../../../shared/registry/bucket-layout.ts';
import type { Manifest } from '../../../shared/registry/manifest.ts';
import logitsOne from '../../fixtures/build/seed-1.logits.bin';
import modelOne from '../../fixtures/build/seed-1.model.bin';
import weightsOne from '../../fixtures/build/seed-1.weights.bin';
import logitsTwo from '../../fixtures/build/seed-2.logits.bin';
import modelTwo from '../../fixtures/build/seed-2.model.bin';
import weightsTwo from '../../fixtures/build/seed-2.weights.bin';
import testImages from '../../fixtures/build/test-images.bin';
import testLabels from '../../fixtures/build/test-labels.bin';

const name = fashionMnistCnn.name;
const text = (bytes: ArrayBuffer) => new TextDecoder().decode(bytes);

/** Two models with different weights; `logits` are plain TensorFlow.js's for the first 10 test images. */
export const models = {
  one: { json: modelOne, weights: weightsOne, logits: JSON.parse(text(logitsOne)) as number[][] },
  two: { json: modelTwo, weights: weightsTwo, logits: JSON.parse(text(logitsTwo)) as number[][] },
};

/** @returns the 784 bytes of a test image, 0 to 99 */
export const testImage = (index: number) =>
  new Uint8Array(testImages, 16 + 784 * index, 784).slice();

/** @returns the id of a test image's label */
export const testLabel = (index: number) => new Uint8Array(testLabels)[8 + index];

export interface PublishOptions {
  /** The time of publication, which is part of the version's name: two versions of one model need two times. */
  createdAt?: Date;
  /** Changes the manifest before it's written; the files it lists are hashed before. */
  manifest?: (manifest: Manifest) => object;
  /** Replaces a file's bytes after it was hashed; `null` leaves the file out. */
  damage?: Record<string, ArrayBuffer | null>;
  /** Replaces a file's bytes before it's hashed. */
  files?: Record<string, ArrayBuffer>;
  /** An Ed25519 private key that signs the manifest as it's written. */
  signingKey?: CryptoKey;
  /** Omits the manifest. */
  withoutManifest?: boolean;
}

export interface TestSetOptions {
  /** Moves the images to lower indices, so that each index has another image and label. */
  shift?: number;
  /** As an older trainer uploads it: beside dataset.json, without hashes of chunks. */
  old?: boolean;
  /** Changes dataset.json. */
  changes?: object;
}

/** Images per chunk: fewer than the trainer's, so that a test set of 100 has several. */
const chunkImages = 40;

async function chunksOf(images: ArrayBuffer) {
  const hashes: string[] = [];
  for (let at = 16; at < images.byteLength; at += chunkImages * 784) {
    hashes.push(await sha256(new Uint8Array(images.slice(at, at + chunkImages * 784))));
  }
  return { images: chunkImages, sha256: hashes };
}

/** The real bucket, with keys beneath a prefix of its own so that no test sees another's. */
export function openBucket(prefix = `${crypto.randomUUID()}/`) {
  const layout = bucketLayout(prefix);
  const bucket = env.BUCKET;

  async function publish(model: 'one' | 'two', options: PublishOptions = {}): Promise<string> {
    const { createdAt = new Date('2026-11-24T10:15:00Z'), damage = {} } = options;
    const contents = new Map([
      ['model.json', options.files?.['model.json'] ?? models[model].json],
      ['weights.bin', options.files?.['weights.bin'] ?? models[model].weights],
    ]);
    const files = await Promise.all(
      Array.from(contents, async ([path, bytes]) => ({
        path,
        bytes: bytes.byteLength,
        sha256: await sha256(new Uint8Array(bytes)),
      })),
    );
    const version = versionOf(createdAt, files[1]?.sha256 ?? '');
    for (const [path, bytes] of contents) {
      const written = damage[path] === undefined ? bytes : damage[path];
      if (written !== null) await bucket.put(layout.versionFile(name, version, path), written);
    }
    const manifest = makeManifest(version, createdAt, files);
    if (!options.withoutManifest) {
      const written = new TextEncoder().encode(
        JSON.stringify(options.manifest?.(manifest) ?? manifest),
      );
      await bucket.put(layout.manifest(name, version), written);
      if (options.signingKey) {
        const signature = await crypto.subtle.sign('Ed25519', options.signingKey, written);
        await bucket.put(layout.signature(name, version), signature);
      }
    }
    return version;
  }

  /** @param options.signingKey an Ed25519 private key that signs the alias */
  async function moveAlias(
    version: string,
    aliasName = 'production',
    {
      updatedAt = '2026-11-24T10:15:00Z',
      signingKey,
    }: { updatedAt?: string; signingKey?: CryptoKey } = {},
  ): Promise<void> {
    const alias: Record<string, unknown> = { version, updatedAt, previous: null };
    if (signingKey) {
      const statement = aliasStatement(name, aliasName, { version, updatedAt, previous: null });
      const bytes = await crypto.subtle.sign(
        'Ed25519',
        signingKey,
        new TextEncoder().encode(statement),
      );
      alias.signature = btoa(String.fromCharCode(...new Uint8Array(bytes)));
    }
    await bucket.put(layout.alias(name, aliasName), JSON.stringify(alias));
  }

  /**
   * Uploads a test set, and makes it the served one.
   *
   * @param count of test images, up to 100
   * @returns the key of each of its files
   */
  async function uploadTestSet(
    count = 100,
    { shift = 0, old = false, changes = {} }: TestSetOptions = {},
  ): Promise<Record<DatasetFile, string>> {
    const images = testImages.slice(0, 16 + 784 * count);
    const labels = testLabels.slice(0, 8 + count);
    new Uint8Array(images).set(
      new Uint8Array(testImages, 16 + 784 * shift, 784 * (count - shift)),
      16,
    );
    new Uint8Array(labels).set(new Uint8Array(testLabels, 8 + shift, count - shift), 8);
    new DataView(images).setUint32(4, count);
    new DataView(labels).setUint32(4, count);
    const files = await Promise.all(
      Object.entries({ 'test-images.idx': images, 'test-labels.idx': labels }).map(
        async ([path, bytes]) => ({
          path,
          bytes: bytes.byteLength,
          sha256: await sha256(new Uint8Array(bytes)),
        }),
      ),
    );
    // Any name that depends on the content.
    const hash = old
      ? undefined
      : await sha256(new Uint8Array(new TextEncoder().encode(JSON.stringify(files))));
    const info = {
      name: 'fashion-mnist',
      images: count,
      height: 28,
      width: 28,
      labels: fashionMnistCnn.labels,
      files,
      ...(!old && { hash, chunks: await chunksOf(images) }),
      ...changes,
    };
    const keys = {
      'test-images.idx': layout.datasetFile('fashion-mnist', 'test-images.idx', hash),
      'test-labels.idx': layout.datasetFile('fashion-mnist', 'test-labels.idx', hash),
      'dataset.json': layout.datasetFile('fashion-mnist', 'dataset.json'),
    };
    await bucket.put(keys['test-images.idx'], images);
    await bucket.put(keys['test-labels.idx'], labels);
    await bucket.put(keys['dataset.json'], JSON.stringify(info));
    return keys;
  }

  return { prefix, layout, bucket, publish, moveAlias, uploadTestSet };
}

export type TestBucket = ReturnType<typeof openBucket>;

function makeManifest(version: string, createdAt: Date, files: Manifest['files']): Manifest {
  return {
    schemaVersion: 1,
    name,
    version,
    createdAt: createdAt.toISOString(),
    model: fashionMnistCnn,
    files,
    metrics: { accuracy: 0.1, loss: 2.3, perClass: [], confusion: [] },
    training: {
      recipe: 'untrained',
      epoch: 1,
      epochs: 1,
      batchSize: 64,
      optimizer: 'adam',
      learningRate: 0.001,
      seed: 1,
      seconds: 0,
      imagesPerSecond: 0,
      backend: 'cpu',
      device: 'cpu',
      threads: 1,
      packages: {},
      git: null,
    },
    dataset: { name: 'fashion-mnist', files: {} },
  };
}
