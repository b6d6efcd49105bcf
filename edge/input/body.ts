import { Problem } from '../errors.ts';

/** 10 MiB, as sent and as inflated: more than any compressed image within the pixel limit. */
export const maxBodyBytes = 10 * 1024 * 1024;

/**
 * Reads a request's body, inflates it if it is gzip, and stops as soon as it is too long.
 *
 * @throws {Problem} `empty_body`, `body_too_large`, `unsupported_encoding`, `bad_encoding`
 */
export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN);
  if (announced > maxBodyBytes) throw tooLarge();
  const body = await readEncoded(request, announced);
  if (body.byteLength > maxBodyBytes) throw tooLarge();
  if (body.byteLength === 0) {
    throw new Problem('empty_body', 'The request has no body: send an image.');
  }
  return body;
}

async function readEncoded(request: Request, announced: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'gzip' || encoding === 'x-gzip') return readGzip(request);
  if (encoding !== 'identity') {
    throw new Problem(
      'unsupported_encoding',
      `The body's Content-Encoding is "${encoding}"; it may be gzip or missing.`,
      { headers: { 'accept-encoding': 'gzip' } },
    );
  }
  // The runtime reads a body of known length in one go. A body of unknown length is counted as it arrives.
  return Number.isNaN(announced)
    ? readCounted(request.body)
    : new Uint8Array(await request.arrayBuffer());
}

async function readGzip(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array(0);
  try {
    return await readCounted(request.body.pipeThrough(new DecompressionStream('gzip')));
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('bad_encoding', `The body can't be inflated as gzip: ${cause}.`, { cause });
  }
}

async function readCounted(
  stream: ReadableStream<Uint8Array> | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const part of stream ?? []) {
    length += part.byteLength;
    if (length > maxBodyBytes) throw tooLarge();
    parts.push(part);
  }
  return concatenate(parts);
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

const tooLarge = () =>
  new Problem('body_too_large', `A body may have at most ${maxBodyBytes} bytes.`);

/** More than the photos of phones have. */
const maxDrainedBytes = 32 * 1024 * 1024;

/**
 * Reads and drops what is left of a request's body, up to 32 MiB. If a server responds and closes the connection while the client is still
 * sending, the client's system discards the response ("lingering close", RFC 9112, section 9.6).
 */
export async function drainBody({ body, bodyUsed }: Request): Promise<void> {
  if (body === null || bodyUsed || body.locked) return;
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.byteLength;
      if (bytes > maxDrainedBytes) return;
    }
  } catch {
    // The client has disconnected.
  }
}
