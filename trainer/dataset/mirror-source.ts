import type { KnownFile } from './known-datasets.ts';
import type { DatasetSource } from './source.ts';

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
