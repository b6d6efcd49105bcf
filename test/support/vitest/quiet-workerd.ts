/**
 * Drops workerd's messages when a test closes a connection on purpose, and wrangler's warning about the local bucket's
 * experimental credentials. Vitest's pool for Workers prints both and has no option for either.
 */
export function quietWorkerd(): void {
  process.env.WRANGLER_LOG ??= 'error';
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...parameters: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]) =>
      isExpected(String(chunk)) || write(chunk, ...rest);
  }
}

const isExpected = (text: string) =>
  text.includes(' disconnected: ') || text.includes('stack = Error: Network connection lost.');
