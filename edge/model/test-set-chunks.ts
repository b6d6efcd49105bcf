/** The pixels of a test set's images, read in chunks of consecutive images and verified. */
import { idxHeaderBytes } from '../../shared/idx.ts';
import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { DatasetInfo, PublishedFile } from '../../shared/registry/manifest.ts';
import type { ObjectStore } from '../../shared/registry/object-store.ts';
import { DatasetError } from '../errors.ts';
import { sha256 } from '../store/published.ts';
import type { Background } from './alias-follower.ts';

/** The source of a test set. */
export interface TestSetSource {
  store: ObjectStore;
  layout: BucketLayout;
  /** The data set's name. */
  name: string;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
  /** Size of the cached chunks (default: 16 MiB, all of Fashion-MNIST's and an eighth of an isolate's memory). */
  maxCachedBytes?: number;
}

export interface Chunks {
  /** Images per chunk. */
  images: number;
  /**
   * Returns the pixels of the images `chunk * images` to `(chunk + 1) * images - 1`, from memory if they are there.
   *
   * @throws {DatasetError | StoreError}
   */
  read(chunk: number, background: Background): Promise<Uint8Array>;
}

/** Images per range read of a test set without hashes of chunks: 78 kB, which costs about as much as a round trip. */
const imagesPerChunk = 100;
/** A description in the bucket may ask for no larger range. */
const maxChunkBytes = 2 ** 20;
/** A read of the whole file that takes longer is abandoned, because the request that started it may have been stopped. */
const maxReadMilliseconds = 20_000;

/**
 * Opens the images of a test set.
 *
 * A chunk is verified with its hash in dataset.json. A test set of an older trainer has none: its file is read whole, verified
 * with the hash of the file and cached. If it is larger than the cache, all its ranges must have the same ETag.
 *
 * @throws {DatasetError} if the description's chunks do not fit its images
 */
export function openChunks(source: TestSetSource, info: DatasetInfo): Chunks {
  const file = openFile(source, info);
  const { maxCachedBytes = 16 * 2 ** 20 } = source;
  const maxCachedChunks = Math.floor(maxCachedBytes / (file.images * imageBytes(info)));
  // The least recently used comes first.
  const cached = new Map<number, Uint8Array>();
  let reading = { startedAt: Number.NEGATIVE_INFINITY, done: Promise.resolve() };

  /** Requests that arrive during the read wait for it, so that the file is in memory once. */
  async function readWholeOnce(listed: PublishedFile, background: Background): Promise<void> {
    if (source.now() - reading.startedAt >= maxReadMilliseconds) {
      const done = file.readWhole(listed).then((chunks) => {
        for (const [chunk, bytes] of chunks.entries()) cached.set(chunk, bytes);
      });
      const started = { startedAt: source.now(), done };
      reading = started;
      done.catch(() => {
        started.startedAt = Number.NEGATIVE_INFINITY;
      });
      background.waitUntil(done.catch(() => {}));
    }
    await reading.done;
  }

  return {
    images: file.images,
    async read(chunk, background) {
      const found = cached.get(chunk);
      if (found?.byteLength === file.lengthOf(chunk)) {
        cached.delete(chunk);
        cached.set(chunk, found);
        return found;
      }
      if (!info.chunks && file.listed && file.listed.bytes <= maxCachedBytes) {
        await readWholeOnce(file.listed, background);
        const bytes = cached.get(chunk);
        if (bytes?.byteLength === file.lengthOf(chunk)) return bytes;
        throw file.lacks(chunk);
      }
      const bytes = await file.readRange(chunk);
      cached.set(chunk, bytes);
      const [oldest] = cached.keys();
      if (cached.size > maxCachedChunks && oldest !== undefined) cached.delete(oldest);
      return bytes;
    },
  };
}

/** Returns the bytes of one image. */
export const imageBytes = ({ height, width, channels }: DatasetInfo): number =>
  height * width * (channels ?? 1);

/** Opens the file with the images, whose reads are verified. */
function openFile({ store, layout, name }: TestSetSource, info: DatasetInfo) {
  const bytesPerImage = imageBytes(info);
  const header = idxHeaderBytes(info.channels ? 4 : 3);
  const images = info.chunks?.images ?? imagesPerChunk;
  const count = Math.ceil(info.images / images);
  const key = layout.datasetFile(name, 'test-images.idx', info.hash);
  let knownEtag: string | null = null;

  if (
    info.chunks &&
    (info.chunks.sha256.length !== count || images * bytesPerImage > maxChunkBytes)
  ) {
    throw new DatasetError(
      'bad_dataset',
      `dataset.json of ${name} has ${info.chunks.sha256.length} chunks of ${images} images; its ${info.images} images need ${count}, of at most ${maxChunkBytes} bytes each.`,
    );
  }
  const lengthOf = (chunk: number) =>
    Math.min(images, info.images - chunk * images) * bytesPerImage;
  const corrupt = (problem: string) =>
    new DatasetError('bad_dataset', `test-images.idx of ${name} ${problem}.`);
  const lacks = (chunk: number) => corrupt(`lacks the images from ${chunk * images} on`);

  return {
    images,
    listed: info.files.find(({ path }) => path === 'test-images.idx'),
    lengthOf,
    lacks,

    async readRange(chunk: number): Promise<Uint8Array> {
      const length = lengthOf(chunk);
      const object = await store.getRange(key, header + chunk * images * bytesPerImage, length);
      if (object === null || object.bytes.byteLength !== length) throw lacks(chunk);
      const { bytes, etag } = object;
      if (info.chunks) {
        if ((await sha256(bytes)) === info.chunks.sha256[chunk]) return bytes;
        throw corrupt(`has other images from ${chunk * images} on than dataset.json says`);
      }
      if (etag !== (knownEtag ?? etag)) throw corrupt('is being replaced. Try again');
      knownEtag = etag;
      return bytes;
    },

    /** @returns the chunks, which share one buffer */
    async readWhole({ bytes: length, sha256: expected }: PublishedFile): Promise<Uint8Array[]> {
      const object = await store.getRange(key, 0, length);
      if (object === null) throw corrupt('is missing');
      if ((await sha256(object.bytes)) !== expected) {
        throw corrupt(
          'is not the file that dataset.json lists. It may be being replaced: try again',
        );
      }
      return Array.from({ length: count }, (_, chunk) => {
        const start = header + chunk * images * bytesPerImage;
        return object.bytes.subarray(start, start + lengthOf(chunk));
      });
    },
  };
}
