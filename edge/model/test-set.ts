import { idxHeaderBytes, parseIdx } from '../../shared/idx.ts';
import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { DatasetInfo } from '../../shared/registry/manifest.ts';
import type { ObjectStore, StoredObject } from '../../shared/registry/object-store.ts';
import { DatasetError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { publishedSchemas, sha256 } from '../store/published.ts';
import type { Background } from './background.ts';

/** The data set's test images, read out of the bucket as they are asked for. */
export interface TestSet {
  /** @throws {DatasetError | StoreError} */
  info(background: Background): Promise<DatasetInfo>;
  /**
   * @param index a whole number
   * @returns `null` where the test set has no such image
   * @throws {DatasetError | StoreError}
   */
  image(index: number, background: Background): Promise<TestImage | null>;
}

export interface TestImage {
  height: number;
  width: number;
  /** 0 black to 255 white, row by row. */
  pixels: Uint8Array;
  label: { id: number; label: string };
  /** The upload that it is of: the same object as long as that is the same. */
  info: DatasetInfo;
  /** Stands for that upload in an ETag. */
  tag: string;
}

export interface TestSetOptions {
  store: ObjectStore;
  layout: BucketLayout;
  /** The data set's name. */
  name: string;
  /** How old the last look at dataset.json may grow. */
  pollMilliseconds: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** Images a range read brings: 78 kB, about what one round trip costs. */
const imagesPerChunk = 100;
/** Bytes of chunks kept, the least recently used goes: all of Fashion-MNIST's, and an eighth of an isolate's memory. */
const bytesKept = 16 * 2 ** 20;

/** One upload of the data set. Another one is another generation, with chunks of its own. */
interface Generation {
  info: DatasetInfo;
  infoEtag: string;
  tag: string;
  imagesEtag: string | null;
  labels: Uint8Array;
  chunks: Map<number, Uint8Array>;
}

/** Reads test images by range and keeps the recent ones; notices when the data set is replaced. */
export function openTestSet(options: TestSetOptions): TestSet {
  const { store, layout, name, pollMilliseconds, now } = options;
  let generation: Generation | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** What is known of the data set is used at once; whether it still holds is asked behind the answer. */
  async function current(background: Background): Promise<Generation> {
    if (generation === null) return refresh();
    if (now() - lookedAt >= pollMilliseconds) {
      lookedAt = now();
      // A store that fails now costs nothing; a data set that has gone is noticed by the next request.
      background.waitUntil(refresh().catch(() => null));
    }
    return generation;
  }

  async function refresh(): Promise<Generation> {
    const key = layout.datasetFile(name, 'dataset.json');
    const before = generation;
    try {
      const object = before ? await store.getIfChanged(key, before.infoEtag) : await store.get(key);
      if (before && object === 'unchanged') return before;
      generation = await readGeneration(object === 'unchanged' ? null : object);
      lookedAt = now();
      return generation;
    } catch (error) {
      if (error instanceof DatasetError) generation = null;
      throw error;
    }
  }

  async function readGeneration(object: StoredObject | null): Promise<Generation> {
    if (object === null) {
      throw new DatasetError(
        'no_dataset',
        `The bucket holds no test set ${name}. Upload it first: npm start does, or catwalk data upload.`,
      );
    }
    const info = await parseInfo(object.bytes);
    const labels = await readLabels(info);
    // dataset.json has the SHA-256 of the other files.
    const tag = (await sha256(object.bytes)).slice(0, 12);
    return { info, infoEtag: object.etag, tag, imagesEtag: null, labels, chunks: new Map() };
  }

  async function readLabels(info: DatasetInfo): Promise<Uint8Array> {
    const object = await store.get(layout.datasetFile(name, 'test-labels.idx'));
    const expected = info.files.find(({ path }) => path === 'test-labels.idx');
    if (object === null || (expected && (await sha256(object.bytes)) !== expected.sha256)) {
      throw new DatasetError(
        'bad_dataset',
        `test-labels.idx of ${name} is missing or not the one that dataset.json describes.`,
      );
    }
    const values = labelsOf(object.bytes);
    if (values?.length !== info.images || values.some((id) => id >= info.labels.length)) {
      throw new DatasetError(
        'bad_dataset',
        `test-labels.idx of ${name} does not hold ${info.images} ids below ${info.labels.length}.`,
      );
    }
    return values;
  }

  async function readChunk(from: Generation, chunk: number): Promise<Uint8Array> {
    const { info, chunks } = from;
    const kept = chunks.get(chunk);
    if (kept) {
      chunks.delete(chunk);
      chunks.set(chunk, kept);
      return kept;
    }
    const imageBytes = info.height * info.width;
    const first = chunk * imagesPerChunk;
    const length = Math.min(imagesPerChunk, info.images - first) * imageBytes;
    const object = await store.getRange(
      layout.datasetFile(name, 'test-images.idx'),
      idxHeaderBytes(3) + first * imageBytes,
      length,
    );
    if (object === null || object.bytes.byteLength !== length) {
      throw new DatasetError(
        'bad_dataset',
        `test-images.idx of ${name} lacks the images from ${first} on.`,
      );
    }
    if (object.etag !== (from.imagesEtag ?? object.etag)) {
      generation = null;
      throw new DatasetError('bad_dataset', `The test set ${name} is just being replaced.`);
    }
    from.imagesEtag = object.etag;
    chunks.set(chunk, object.bytes);
    const oldest = chunks.keys().next();
    if (chunks.size * imagesPerChunk * imageBytes > bytesKept && !oldest.done) {
      chunks.delete(oldest.value);
    }
    return object.bytes;
  }

  async function parseInfo(bytes: Uint8Array): Promise<DatasetInfo> {
    const { datasetInfoSchema } = await publishedSchemas();
    try {
      return parseJson(bytes, datasetInfoSchema, `dataset.json of ${name}`);
    } catch (cause) {
      throw new DatasetError('bad_dataset', (cause as Error).message, { cause });
    }
  }

  return {
    info: async (background) => (await current(background)).info,

    async image(index, background) {
      const from = await current(background);
      const { info, labels } = from;
      const id = labels[index];
      if (id === undefined) return null;
      const imageBytes = info.height * info.width;
      const chunk = await readChunk(from, Math.floor(index / imagesPerChunk));
      const start = (index % imagesPerChunk) * imageBytes;
      return {
        height: info.height,
        width: info.width,
        pixels: chunk.subarray(start, start + imageBytes),
        label: { id, label: info.labels[id] as string },
        info,
        tag: from.tag,
      };
    },
  };
}

/** @returns `null` where the bytes are no IDX file of labels */
function labelsOf(bytes: Uint8Array): Uint8Array | null {
  try {
    return parseIdx(bytes, 1).values;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
