import { idxHeaderBytes, parseIdx } from '../../shared/idx.ts';
import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { DatasetInfo } from '../../shared/registry/manifest.ts';
import type { ObjectStore, StoredObject } from '../../shared/registry/object-store.ts';
import { DatasetError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { publishedSchemas, sha256 } from '../store/published.ts';
import type { Background } from './background.ts';

/** The data set's test images, read from the bucket on request. */
export interface TestSet {
  /** @throws {DatasetError | StoreError} */
  info(background: Background): Promise<DatasetInfo>;
  /**
   * @param index a whole number
   * @returns `null` if the test set has no such image
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
  /** The upload that the image belongs to: one object per upload. */
  info: DatasetInfo;
  /** Identifies the upload in an ETag. */
  tag: string;
}

export interface TestSetOptions {
  store: ObjectStore;
  layout: BucketLayout;
  /** The data set's name. */
  name: string;
  pollMilliseconds: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** Images per range read: 78 kB, which costs about as much as a round trip. */
const imagesPerChunk = 100;
/** Size of the cached chunks: all of Fashion-MNIST's, and an eighth of an isolate's memory. */
const maxCachedBytes = 16 * 2 ** 20;

/** One upload of the data set, with its cached chunks. */
interface Upload {
  info: DatasetInfo;
  infoEtag: string;
  tag: string;
  imagesEtag: string | null;
  labels: Uint8Array;
  /** The least recently used comes first. */
  chunks: Map<number, Uint8Array>;
}

/** Reads test images by range, caches them, and notices if the data set is replaced. */
export function openTestSet(options: TestSetOptions): TestSet {
  const { store, layout, name, pollMilliseconds, now } = options;
  let upload: Upload | null = null;
  let checkedAt = Number.NEGATIVE_INFINITY;

  /** Answers with the known upload, and checks in the background whether it is still current. */
  async function current(background: Background): Promise<Upload> {
    if (upload === null) return refresh();
    if (now() - checkedAt >= pollMilliseconds) {
      checkedAt = now();
      // If the store fails now, nothing changes. If the data set is gone, the next request fails.
      background.waitUntil(refresh().catch(() => null));
    }
    return upload;
  }

  async function refresh(): Promise<Upload> {
    const key = layout.datasetFile(name, 'dataset.json');
    const before = upload;
    try {
      const object = before ? await store.getIfChanged(key, before.infoEtag) : await store.get(key);
      if (before && object === 'unchanged') return before;
      upload = await readUpload(options, object === 'unchanged' ? null : object);
      checkedAt = now();
      return upload;
    } catch (error) {
      if (error instanceof DatasetError) upload = null;
      throw error;
    }
  }

  async function readChunk(from: Upload, chunk: number): Promise<Uint8Array> {
    const { info, chunks } = from;
    const cached = chunks.get(chunk);
    if (cached) {
      chunks.delete(chunk);
      chunks.set(chunk, cached);
      return cached;
    }
    const imageBytes = info.height * info.width;
    const first = chunk * imagesPerChunk;
    const length = Math.min(imagesPerChunk, info.images - first) * imageBytes;
    const key = layout.datasetFile(name, 'test-images.idx');
    const object = await store.getRange(key, idxHeaderBytes(3) + first * imageBytes, length);
    if (object === null || object.bytes.byteLength !== length) {
      throw corrupt(name, 'test-images.idx', `lacks the images from ${first} on`);
    }
    if (object.etag !== (from.imagesEtag ?? object.etag)) {
      upload = null;
      throw new DatasetError('bad_dataset', `The test set ${name} is being replaced. Try again.`);
    }
    from.imagesEtag = object.etag;
    chunks.set(chunk, object.bytes);
    const [oldest] = chunks.keys();
    if (chunks.size * imagesPerChunk * imageBytes > maxCachedBytes && oldest !== undefined) {
      chunks.delete(oldest);
    }
    return object.bytes;
  }

  return {
    info: async (background) => (await current(background)).info,

    async image(index, background) {
      const from = await current(background);
      const { info, labels, tag } = from;
      const id = labels[index];
      if (id === undefined) return null;
      const { height, width } = info;
      const chunk = await readChunk(from, Math.floor(index / imagesPerChunk));
      const start = (index % imagesPerChunk) * height * width;
      const pixels = chunk.subarray(start, start + height * width);
      return { height, width, pixels, label: { id, label: info.labels[id] as string }, info, tag };
    },
  };
}

async function readUpload(options: TestSetOptions, object: StoredObject | null): Promise<Upload> {
  if (object === null) {
    throw new DatasetError(
      'no_dataset',
      `The bucket has no test set ${options.name}. Upload it with npm start or catwalk data upload.`,
    );
  }
  const info = await parseInfo(options, object.bytes);
  const labels = await readLabels(options, info);
  // dataset.json contains the SHA-256 of the other files, so its own identifies the upload.
  const tag = (await sha256(object.bytes)).slice(0, 12);
  return { info, infoEtag: object.etag, tag, imagesEtag: null, labels, chunks: new Map() };
}

async function parseInfo({ name }: TestSetOptions, bytes: Uint8Array): Promise<DatasetInfo> {
  const { datasetInfoSchema } = await publishedSchemas();
  try {
    return parseJson(bytes, datasetInfoSchema, `dataset.json of ${name}`);
  } catch (cause) {
    throw new DatasetError('bad_dataset', (cause as Error).message, { cause });
  }
}

async function readLabels(
  { store, layout, name }: TestSetOptions,
  { files, images, labels }: DatasetInfo,
): Promise<Uint8Array> {
  const object = await store.get(layout.datasetFile(name, 'test-labels.idx'));
  const expected = files.find(({ path }) => path === 'test-labels.idx');
  if (object === null || (expected && (await sha256(object.bytes)) !== expected.sha256)) {
    throw corrupt(
      name,
      'test-labels.idx',
      'is missing, or is not the file that dataset.json lists',
    );
  }
  const ids = parseLabels(object.bytes);
  if (ids?.length === images && ids.every((id) => id < labels.length)) return ids;
  throw corrupt(
    name,
    'test-labels.idx',
    `does not hold ${images} label ids below ${labels.length}`,
  );
}

/** @returns `null` if the bytes are not an IDX file of labels */
function parseLabels(bytes: Uint8Array): Uint8Array | null {
  try {
    return parseIdx(bytes, 1).values;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const corrupt = (dataset: string, file: string, problem: string) =>
  new DatasetError('bad_dataset', `${file} of ${dataset} ${problem}.`);
