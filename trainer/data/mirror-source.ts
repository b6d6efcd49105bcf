import type { DatasetSource } from './dataset-source.ts';

/** A server that sends nothing for so long is given up. */
const silenceLimitMs = 10_000;

export interface MirrorOptions {
  fetch?: typeof globalThis.fetch | undefined;
  /** How long the mirror may send nothing, in milliseconds (default: 10,000). */
  silenceMs?: number | undefined;
  onProgress?: ((message: string) => void) | undefined;
}

/**
 * A folder on a web server with the files as `.gz`.
 *
 * @param baseUrl ends with '/'
 */
export function mirrorSource(
  baseUrl: string,
  { fetch, silenceMs, onProgress }: MirrorOptions = {},
): DatasetSource {
  return {
    description: baseUrl,
    remote: true,
    async read(files, accept, signal) {
      for (const file of files) {
        const url = new URL(`${file.name}.gz`, baseUrl).href;
        onProgress?.(`Fetching ${url}`);
        // Compressed images are smaller than uncompressed ones: a longer body is something else.
        await accept(file, await download(url, file.bytes, { fetch, silenceMs, signal }), url);
      }
    },
  };
}

interface DownloadOptions extends Omit<MirrorOptions, 'onProgress'> {
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a file.
 *
 * @param maxBytes the length of the longest body that is accepted
 * @throws {Error} if the server does not answer, answers with an error, sends nothing for a while, or sends more
 */
export async function download(
  url: string,
  maxBytes: number,
  { fetch = globalThis.fetch, silenceMs = silenceLimitMs, signal }: DownloadOptions,
): Promise<Uint8Array> {
  const silence = new AbortController();
  const giveUp = () =>
    silence.abort(new Error(`the server sent nothing for ${silenceMs / 1000} seconds`));
  const timer = setTimeout(giveUp, silenceMs);
  const signals = signal ? [signal, silence.signal] : [silence.signal];
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new Error(`${url} answered HTTP ${response.status} ${response.statusText}`.trim());
    }
    const chunks: Uint8Array[] = [];
    let received = 0;
    for await (const chunk of response.body) {
      timer.refresh();
      received += chunk.byteLength;
      if (received > maxBytes) throw new Error(`${url} is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, received);
  } finally {
    clearTimeout(timer);
  }
}
