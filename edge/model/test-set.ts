import { parseIdx } from '../../shared/idx.ts';
import type { DatasetFile } from '../../shared/registry/bucket-layout.ts';
import type { DatasetInfo } from '../../shared/registry/manifest.ts';
import type { StoredObject } from '../../shared/registry/object-store.ts';
import { DatasetError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { publishedSchemas, sha256 } from '../store/published.ts';
import type { Background } from './alias-follower.ts';
import { type Chunks, imageBytes, openChunks, type TestSetSource } from './test-set-chunks.ts';

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
  /** height x width x channels values, 0 to 255, row by row. */
  pixels: Uint8Array;
  label: { id: number; label: string };
  /** The upload that the image belongs to: one object per upload. */
  info: DatasetInfo;
  /** Identifies the upload in an ETag. */
  tag: string;
}

export interface TestSetOptions extends TestSetSource {
  pollMilliseconds: number;
}

/** One upload of the data set. An answer is made from one upload only. */
interface Upload {
  info: DatasetInfo;
  infoEtag: string;
  tag: string;
  /** `null` until the first image is read. */
  labels: Uint8Array | null;
  chunks: Chunks;
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
      // If the store or the new test set fails, nothing changes. If there is no test set any more, the next request fails.
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
      const read = await readUpload(options, object === 'unchanged' ? null : object);
      // A new test set replaces one that works only if it does, too. The labels of the first one are read together with its images.
      if (before) await labelsOf(read);
      upload = read;
      checkedAt = now();
      return upload;
    } catch (error) {
      if (error instanceof DatasetError && error.code === 'no_dataset') upload = null;
      throw error;
    }
  }

  async function labelsOf(from: Upload): Promise<Uint8Array> {
    from.labels ??= await readLabels(options, from.info);
    return from.labels;
  }

  return {
    info: async (background) => (await current(background)).info,

    async image(index, background) {
      const from = await current(background);
      const { info, tag, chunks } = from;
      const { height, width } = info;
      if (index >= info.images) return null;
      const bytes = imageBytes(info);
      const [labels, chunk] = await Promise.all([
        labelsOf(from),
        chunks.read(Math.floor(index / chunks.images), background),
      ]).catch((error) => {
        // An older trainer may be replacing the files of this upload: the next request reads the description again.
        if (error instanceof DatasetError && upload === from) upload = null;
        throw error;
      });
      const id = labels[index] as number;
      const start = (index % chunks.images) * bytes;
      const pixels = chunk.subarray(start, start + bytes);
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
  const chunks = openChunks(options, info);
  // dataset.json contains the SHA-256 of the other files, so its own identifies the upload.
  const tag = (await sha256(object.bytes)).slice(0, 12);
  return { info, infoEtag: object.etag, tag, labels: null, chunks };
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
  { hash, files, images, labels }: DatasetInfo,
): Promise<Uint8Array> {
  const object = await store.get(layout.datasetFile(name, 'test-labels.idx', hash));
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

const corrupt = (dataset: string, file: DatasetFile, problem: string) =>
  new DatasetError('bad_dataset', `${file} of ${dataset} ${problem}.`);
