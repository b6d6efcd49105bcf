import type { DatasetSource } from './dataset-source.ts';
import type { KnownFile } from './known-datasets.ts';

export interface MirrorOptions {
  fetch?: typeof globalThis.fetch;
  /** How long the mirror may send nothing, in milliseconds (default: 10,000). */
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
  { fetch = globalThis.fetch, silenceMs = 10_000, onProgress }: MirrorOptions = {},
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
  const { fetch, silenceMs, signal } = options;
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
      // Compressed images are smaller than uncompressed ones: a longer body is something else.
      if (received > file.bytes) throw new Error(`${url} is longer than ${file.bytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, received);
  } finally {
    clearTimeout(timer);
  }
}
