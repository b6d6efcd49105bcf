import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingFileError } from './errors.ts';
import type { KnownFile } from './known-datasets.ts';
import { isGzip } from './parse-dataset.ts';

/** Takes a file's bytes, as `.gz` or uncompressed; `origin` is its path or URL. Throws where they are wrong. */
export type AcceptFile = (file: KnownFile, bytes: Uint8Array, origin: string) => Promise<void>;

/** A place that may hold a data set's files. */
export interface DatasetSource {
  /** Where it looks, for people. */
  description: string;
  /** It uses the network: skipped offline, and what it gives is kept in the cache. */
  remote: boolean;
  /**
   * Hands over as many of the files as it has.
   *
   * @throws where a file is missing, can't be read or is not accepted, after what it could hand over
   */
  read(files: readonly KnownFile[], accept: AcceptFile, signal?: AbortSignal): Promise<void>;
}

/** A folder on this machine with the files, each as `.gz` or uncompressed. */
export function folderSource(folder: string, description = folder): DatasetSource {
  return {
    description,
    remote: false,
    async read(files, accept, signal) {
      // One bad file must not hide the good ones: only what is wrong is fetched elsewhere.
      const errors: unknown[] = [];
      for (const file of files) {
        signal?.throwIfAborted();
        try {
          const { path, bytes } = await readEither(folder, file.name);
          await accept(file, bytes, path);
          // What was unpacked is a copy. V8 would keep the 26 MB for as long as a training runs, which leaves it little to collect.
          if (isGzip(bytes)) bytes.buffer.transfer(0);
        } catch (error) {
          errors.push(error);
        }
      }
      const worst = errors.find((error) => !(error instanceof MissingFileError)) ?? errors[0];
      if (worst !== undefined) throw worst;
    },
  };
}

/**
 * Reads a file that is there as `.gz` or uncompressed.
 *
 * @throws {MissingFileError} where neither is
 */
export async function readEither(folder: string, name: string) {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    try {
      return { path, bytes: await readFile(path) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
  throw new MissingFileError(folder, name);
}

/** A mirror that does not answer, or stops sending, is given up after this long. */
const silenceLimitMs = 10_000;

export interface MirrorOptions {
  fetch?: typeof globalThis.fetch;
  /** How long the mirror may be silent, in milliseconds; 10,000 unless told. */
  silenceMs?: number;
  onProgress?: ((message: string) => void) | undefined;
}

/**
 * A folder on a web server with the files as `.gz`.
 *
 * @param baseUrl ends with '/'
 */
export function mirrorSource(
  baseUrl: string,
  { fetch = globalThis.fetch, silenceMs = silenceLimitMs, onProgress }: MirrorOptions = {},
): DatasetSource {
  return {
    description: baseUrl,
    remote: true,
    async read(files, accept, signal) {
      for (const file of files) {
        const url = new URL(`${file.name}.gz`, baseUrl).href;
        onProgress?.(`Fetching ${url}`);
        await accept(file, await download(url, file, { fetch, silenceMs, signal }), url);
      }
    },
  };
}

async function download(
  url: string,
  file: KnownFile,
  options: { fetch: typeof globalThis.fetch; silenceMs: number; signal: AbortSignal | undefined },
): Promise<Uint8Array> {
  const silence = new AbortController();
  const giveUp = () =>
    silence.abort(new Error(`nothing came for ${options.silenceMs / 1000} seconds`));
  const timer = setTimeout(giveUp, options.silenceMs);
  const signals = options.signal ? [options.signal, silence.signal] : [silence.signal];
  try {
    const response = await options.fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new Error(`${url} answered HTTP ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let received = 0;
    for await (const chunk of response.body) {
      timer.refresh();
      received += chunk.byteLength;
      // Compressed images are smaller than what they unpack to; anything longer is something else.
      if (received > file.bytes) throw new Error(`${url} is longer than ${file.bytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, received);
  } finally {
    clearTimeout(timer);
  }
}
